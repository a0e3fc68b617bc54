package vpcflow;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The totals of one key: a plain object with public fields, which Flink's own serializer takes. */
public final class Sums {
  public long flows, packets, bytes, first, last;

  /** Add another total to this one. */
  public Sums add(Sums other) {
    first = flows == 0 ? other.first : Math.min(first, other.first);
    flows += other.flows;
    packets += other.packets;
    bytes += other.bytes;
    last = Math.max(last, other.last);
    return this;
  }

  /** Return the totals as JSON. */
  byte[] json() {
    String text =
        "{\"flows\":" + flows + ",\"packets\":" + packets + ",\"bytes\":" + bytes
            + ",\"first\":" + first + ",\"last\":" + last + "}";
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** Return the totals as 40 bytes. */
  byte[] packed() {
    return ByteBuffer.allocate(40).putLong(flows).putLong(packets).putLong(bytes).putLong(first).putLong(last).array();
  }

  /** Return the totals of 40 bytes. */
  static Sums unpacked(byte[] value) {
    ByteBuffer buffer = ByteBuffer.wrap(value);
    Sums sums = new Sums();
    sums.flows = buffer.getLong();
    sums.packets = buffer.getLong();
    sums.bytes = buffer.getLong();
    sums.first = buffer.getLong();
    sums.last = buffer.getLong();
    return sums;
  }
}
