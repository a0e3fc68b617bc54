package vpcflow;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * The sums of flow-log lines by Flink, exactly once, in one process. Arguments: servers, input, output, mode, a
 * folder for checkpoints.
 */
public final class FlinkPeer {
  // Longer than the load: a source may read one partition long before another, and nothing may be late.
  private static final long LATENESS_S = 3600;

  private FlinkPeer() {}

  public static void main(String[] args) throws Exception {
    boolean byConversation = args[3].equals("conversations");
    Configuration configuration = new Configuration();
    configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.parse("64m"));
    configuration.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.parse("128m"));
    configuration.set(CheckpointingOptions.ENABLE_CHECKPOINTS_AFTER_TASKS_FINISH, true);
    // The default keeps checkpoints of at most 5 MB in memory, and starts the job again after a larger one.
    configuration.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
    configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + args[4]);
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
    var flink = StreamExecutionEnvironment.createLocalEnvironment(2, configuration);
    flink.enableCheckpointing(1000, CheckpointingMode.EXACTLY_ONCE);
    flink.getConfig().enableObjectReuse();

    KafkaSource<byte[]> source =
        KafkaSource.<byte[]>builder()
            .setBootstrapServers(args[0])
            .setTopics(args[1])
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new Bytes())
            .build();
    Properties producer = new Properties();
    producer.put("transaction.timeout.ms", "60000");
    KafkaSink<Tuple3<String, Long, Sums>> sink =
        KafkaSink.<Tuple3<String, Long, Sums>>builder()
            .setBootstrapServers(args[0])
            .setKafkaProducerConfig(producer)
            .setRecordSerializer(
                KafkaRecordSerializationSchema.<Tuple3<String, Long, Sums>>builder()
                    .setTopic(args[2])
                    .setKeySerializationSchema(new Key())
                    .setValueSerializationSchema(new Value())
                    .build())
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(args[2])
            .build();

    flink
        .fromSource(source, WatermarkStrategy.noWatermarks(), "lines")
        .flatMap(new Parser(byConversation))
        .assignTimestampsAndWatermarks(
            WatermarkStrategy.<Tuple3<String, Long, Sums>>forBoundedOutOfOrderness(Duration.ofSeconds(LATENESS_S))
                .withTimestampAssigner((row, before) -> row.f1 * 1000))
        .keyBy(row -> row.f0)
        .window(TumblingEventTimeWindows.of(Duration.ofSeconds(Lines.WINDOW_S)))
        .aggregate(new Adder(), new Named())
        .sinkTo(sink);
    flink.execute("vpcflow");
  }

  /** The value of a message. */
  static final class Bytes extends AbstractDeserializationSchema<byte[]> {
    @Override
    public byte[] deserialize(byte[] value) {
      return value;
    }
  }

  /** The key of a row, as a message has it. A class, because Flink cannot infer the types of a lambda. */
  static final class Key implements SerializationSchema<Tuple3<String, Long, Sums>> {
    @Override
    public byte[] serialize(Tuple3<String, Long, Sums> row) {
      return row.f0.getBytes(StandardCharsets.US_ASCII);
    }
  }

  /** The totals of a row, as a message has them. */
  static final class Value implements SerializationSchema<Tuple3<String, Long, Sums>> {
    @Override
    public byte[] serialize(Tuple3<String, Long, Sums> row) {
      return row.f2.json();
    }
  }

  /** A text to its lines. */
  static final class Parser implements FlatMapFunction<byte[], Tuple3<String, Long, Sums>> {
    private final boolean byConversation;

    Parser(boolean byConversation) {
      this.byConversation = byConversation;
    }

    @Override
    public void flatMap(byte[] text, Collector<Tuple3<String, Long, Sums>> out) {
      Lines.parse(text, byConversation, (key, window, sums) -> out.collect(Tuple3.of(key, window, sums)));
    }
  }

  /** The sum of the rows of a key. */
  static final class Adder implements AggregateFunction<Tuple3<String, Long, Sums>, Sums, Sums> {
    @Override
    public Sums createAccumulator() {
      return new Sums();
    }

    @Override
    public Sums add(Tuple3<String, Long, Sums> row, Sums sums) {
      return sums.add(row.f2);
    }

    @Override
    public Sums getResult(Sums sums) {
      return sums;
    }

    @Override
    public Sums merge(Sums one, Sums other) {
      return one.add(other);
    }
  }

  /** The sums with their key. */
  static final class Named extends ProcessWindowFunction<Sums, Tuple3<String, Long, Sums>, String, TimeWindow> {
    @Override
    public void process(String key, Context context, Iterable<Sums> found, Collector<Tuple3<String, Long, Sums>> out) {
      out.collect(Tuple3.of(key, context.window().getStart() / 1000, found.iterator().next()));
    }
  }
}
