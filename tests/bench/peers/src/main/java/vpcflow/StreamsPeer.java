package vpcflow;

import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/**
 * The sums of flow-log lines by Kafka Streams, exactly once, until it is ended. Arguments: servers, input, output,
 * mode, a folder for state. The window is in the key, and the table is in memory: both are faster than a windowed store.
 */
public final class StreamsPeer {
  private StreamsPeer() {}

  public static void main(String[] args) throws Exception {
    boolean byConversation = args[3].equals("conversations");
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, args[2]);
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
    properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
    properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, args[4]);
    properties.put("auto.offset.reset", "earliest");

    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(args[1], Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .flatMap((none, text) -> {
          List<KeyValue<String, byte[]>> rows = new ArrayList<>();
          Lines.parse(text, byConversation, (key, window, sums) -> rows.add(KeyValue.pair(key, sums.packed())));
          return rows;
        })
        .groupByKey(Grouped.with(Serdes.String(), Serdes.ByteArray()))
        .aggregate(
            () -> new byte[40],
            (key, row, sums) -> Sums.unpacked(sums).add(Sums.unpacked(row)).packed(),
            Materialized.<String, byte[]>as(Stores.inMemoryKeyValueStore("sums"))
                .withKeySerde(Serdes.String())
                .withValueSerde(Serdes.ByteArray()))
        .toStream()
        .mapValues(sums -> Sums.unpacked(sums).json())
        .to(args[2], Produced.with(Serdes.String(), Serdes.ByteArray()));
    KafkaStreams streams = new KafkaStreams(builder.build(), properties);
    streams.start();
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    Thread.currentThread().join();
  }
}
