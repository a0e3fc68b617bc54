package vpcflow;

import java.nio.charset.StandardCharsets;

/** Flow-log lines of the default format: fields by position, without an object for each field. */
final class Lines {
  static final int WINDOW_S = 60;
  private static final int FIELDS = 14;
  private static final int ENI = 2, SOURCE = 3, DESTINATION = 4, SOURCE_PORT = 5, PORT = 6, PROTOCOL = 7;
  private static final int PACKETS = 8, BYTES = 9, START = 10, END = 11, ACTION = 12;

  private Lines() {}

  /** A consumer of parsed lines. */
  interface Sink {
    void take(String key, long window, Sums sums);
  }

  /** Parse every line of a text; refused lines are skipped. */
  static void parse(byte[] text, boolean byConversation, Sink sink) {
    int[] at = new int[FIELDS + 1];
    int begin = 0;
    while (begin < text.length) {
      int end = begin;
      int fields = 0;
      at[0] = begin;
      while (end < text.length && text[end] != '\n') {
        if (text[end] == ' ' && ++fields < FIELDS) at[fields] = end + 1;
        end++;
      }
      at[FIELDS] = end + 1;
      if (fields == FIELDS - 1 && text[at[ACTION]] != '-') one(text, at, byConversation, sink);
      begin = end + 1;
    }
  }

  private static void one(byte[] text, int[] at, boolean byConversation, Sink sink) {
    long start = number(text, at, START);
    long window = start - start % WINDOW_S;
    StringBuilder key = new StringBuilder(96);
    key.append(field(text, at, ENI)).append('|').append(field(text, at, ACTION)).append('|').append(window);
    long protocol = number(text, at, PROTOCOL);
    if (byConversation) {
      long source = number(text, at, SOURCE_PORT);
      long destination = number(text, at, PORT);
      key.append('|').append(field(text, at, SOURCE)).append('|').append(field(text, at, DESTINATION));
      key.append('|').append(Math.min(source, destination)).append('|').append(protocol);
    }
    Sums sums = new Sums();
    sums.flows = 1;
    sums.packets = number(text, at, PACKETS);
    sums.bytes = number(text, at, BYTES);
    sums.first = start;
    sums.last = number(text, at, END);
    sink.take(key.toString(), window, sums);
  }

  private static String field(byte[] text, int[] at, int field) {
    return new String(text, at[field], at[field + 1] - 1 - at[field], StandardCharsets.ISO_8859_1);
  }

  private static long number(byte[] text, int[] at, int field) {
    long value = 0;
    for (int i = at[field]; i < at[field + 1] - 1; i++) value = value * 10 + text[i] - '0';
    return value;
  }
}
