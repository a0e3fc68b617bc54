package vpcflow;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.Tag;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.MetricsLevel;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * A KCL consumer that writes what it is handed as JSON lines, and stops at a line on its input.
 *
 * <p>Arguments: endpoint, stream, application, and {@code polling} or {@code fan-out}. It is set up as AWS's guide
 * does, but for endpoint, credentials, metrics, and times: a test cannot wait a minute for a shard to be noticed.
 * One wait cannot be shortened: before its first look at the stream, a worker of a new application lets a random
 * time of up to 30 s pass (the lease table "is still empty", its log says).
 */
public final class Consumer implements ShardRecordProcessor {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long GRACEFUL_S = 15;
    private static final long SHUTDOWN_S = 20;

    private String shard = "";

    public static void main(String[] arguments) throws Exception {
        String stream = arguments[1];
        String application = arguments[2];
        URI endpoint = URI.create(arguments[0]);
        KinesisAsyncClient kinesis =
                KinesisClientUtil.createKinesisAsyncClient(at(endpoint, KinesisAsyncClient.builder()));
        ConfigsBuilder configs = new ConfigsBuilder(
                new SingleStreamTracker(
                        stream,
                        InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON)),
                application,
                kinesis,
                at(endpoint, DynamoDbAsyncClient.builder()).build(),
                at(endpoint, CloudWatchAsyncClient.builder()).build(),
                UUID.randomUUID().toString(),
                Consumer::new);
        Scheduler scheduler = scheduler(configs, switch (arguments[3]) {
            case "polling" -> new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(250);
            case "fan-out" -> new FanOutConfig(kinesis).streamName(stream).applicationName(application);
            default -> throw new IllegalArgumentException("The last argument is polling or fan-out.");
        });
        Thread running = new Thread(scheduler, "scheduler");
        running.start();
        stopAtALine(scheduler);
        running.join(TimeUnit.SECONDS.toMillis(SHUTDOWN_S));
        say(running.isAlive() ? "runs on" : "stopped", Map.of());
        System.exit(0); // Threads of the AWS clients are no daemons.
    }

    private static <B extends AwsClientBuilder<B, C>, C> B at(URI endpoint, B builder) {
        return builder.endpointOverride(endpoint)
                .region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")));
    }

    private static Scheduler scheduler(ConfigsBuilder configs, RetrievalSpecificConfig retrieval) {
        var leases = configs.leaseManagementConfig()
                .failoverTimeMillis(5_000)
                .leaseAssignmentIntervalMillis(2_000L)
                .shardSyncIntervalMillis(1_000)
                .leasesRecoveryAuditorExecutionFrequencyMillis(2_000)
                // The test reads the leases of ended shards.
                .cleanupLeasesUponShardCompletion(false)
                // What a careful owner asks DynamoDB for.
                .leaseTablePitrEnabled(true)
                .leaseTableDeletionProtectionEnabled(true)
                .tags(List.of(Tag.builder().key("team").value("flows").build()));
        leases.workerUtilizationAwareAssignmentConfig().workerMetricsReporterFreqInMillis(1_000);
        return new Scheduler(
                configs.checkpointConfig(),
                configs.coordinatorConfig()
                        .parentShardPollIntervalMillis(500)
                        .shardConsumerDispatchPollIntervalMillis(250)
                        .schedulerInitializationBackoffTimeMillis(250),
                leases,
                configs.lifecycleConfig(),
                configs.metricsConfig().metricsLevel(MetricsLevel.NONE),
                configs.processorConfig(),
                configs.retrievalConfig().retrievalSpecificConfig(retrieval));
    }

    /**
     * A graceful end may never come (seen with 3.1.3): a worker can find a lease that it has just dropped
     * to be its own, and start on it again, which nobody then tells to stop. All that was processed is checkpointed
     * already, so a plain end does no harm.
     */
    private static void stopAtALine(Scheduler scheduler) throws IOException, InterruptedException, ExecutionException {
        int read = System.in.read();
        while (read != '\n' && read != -1) {
            read = System.in.read();
        }
        boolean isGraceful = false;
        try {
            isGraceful = scheduler.startGracefulShutdown().get(GRACEFUL_S, TimeUnit.SECONDS);
        } catch (TimeoutException late) {
            scheduler.shutdown();
        }
        say("shut down", Map.of("graceful", isGraceful));
    }

    @Override
    public void initialize(InitializationInput input) {
        shard = input.shardId();
        say("started", Map.of("shard", shard, "after", input.extendedSequenceNumber().sequenceNumber()));
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
        for (KinesisClientRecord record : input.records()) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("shard", shard);
            fields.put("sequence_number", record.sequenceNumber());
            fields.put("partition_key", record.partitionKey());
            fields.put("bytes", record.data().remaining());
            fields.put("sha256", sha256(record.data()));
            say("record", fields);
        }
        if (!input.records().isEmpty()) {
            checkpoint(input.checkpointer());
        }
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
        say("lost", Map.of("shard", shard));
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
        checkpoint(input.checkpointer());
        say("ended", Map.of("shard", shard));
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
        checkpoint(input.checkpointer());
    }

    private void checkpoint(RecordProcessorCheckpointer checkpointer) {
        try {
            checkpointer.checkpoint();
            say("checkpoint", Map.of("shard", shard));
        } catch (ShutdownException | InvalidStateException error) {
            say("no checkpoint", Map.of("shard", shard, "reason", error.toString()));
        }
    }

    private static String sha256(ByteBuffer data) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(data.duplicate());
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException("Every Java has SHA-256.", error);
        }
    }

    private static synchronized void say(String event, Map<String, ?> fields) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", event);
        line.putAll(fields);
        try {
            System.out.println(JSON.writeValueAsString(line));
        } catch (JsonProcessingException error) {
            throw new IllegalStateException(error);
        }
        System.out.flush();
    }
}
