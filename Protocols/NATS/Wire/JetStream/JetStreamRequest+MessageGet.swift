extension JetStreamRequest {
  /// STREAM.MSG.GET and DIRECT.GET (ADR-31).
  public struct MessageGet: JetStreamObject {
    /// The message's number, or where to begin.
    public var sequence: UInt64 = 0
    /// The last message of this subject.
    public var lastFor = ""
    /// The next message of this pattern, from `sequence` or `startTime` on.
    public var nextFor = ""
    /// How many messages; only DIRECT.GET.
    public var batch = 0
    /// How many bytes of a batch; 0 for the server's own bound.
    public var maxBytes = 0
    /// The first message not before this time.
    public var startTime: JetStreamTimestamp?
    /// The last message of each subject of these patterns; only DIRECT.GET.
    public var multiLastFor: [String] = []
    /// Nothing behind this number; only with `multiLastFor`.
    public var upToSequence: UInt64 = 0
    /// Nothing after this time; only with `multiLastFor`.
    public var upToTime: JetStreamTimestamp?
    /// Whether to leave headers out.
    public var noHeaders = false

    /// Makes an empty one.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.unlessEmpty("seq", &self.sequence)
      fields.unlessEmpty("last_by_subj", &self.lastFor)
      fields.unlessEmpty("next_by_subj", &self.nextFor)
      fields.unlessEmpty("batch", &self.batch)
      fields.unlessEmpty("max_bytes", &self.maxBytes)
      fields.unlessEmpty("start_time", &self.startTime)
      fields.unlessEmpty("multi_last", &self.multiLastFor)
      fields.unlessEmpty("up_to_seq", &self.upToSequence)
      fields.unlessEmpty("up_to_time", &self.upToTime)
      fields.unlessEmpty("no_hdr", &self.noHeaders)
    }

    /// Whether STREAM.MSG.GET can answer it.
    public var error: JetStreamError? {
      let hasSequence = self.sequence > 0
      let hasLast = !self.lastFor.isEmpty
      let isContradiction =
        hasSequence && hasLast || hasSequence && self.startTime != nil
        || self.startTime != nil && hasLast || hasLast && !self.nextFor.isEmpty
      let isEmpty =
        !hasSequence && !hasLast && self.nextFor.isEmpty && self.startTime == nil
      let isBatch = self.batch > 0 || self.maxBytes > 0
      return isContradiction || isEmpty || isBatch ? JetStreamError(.badRequest) : nil
    }

    /// Whether a DIRECT.GET whose subject names the message can answer it: only `noHeaders` and
    /// `maxBytes` may be set.
    public var isEmptyButForHeaders: Bool {
      var rest = self
      rest.noHeaders = false
      rest.maxBytes = 0
      return rest == Self()
    }

    /// Why DIRECT.GET does not answer it.
    public var directStatus: JetStreamStatus? {
      let hasSequence = self.sequence > 0
      let hasLast = !self.lastFor.isEmpty
      let hasMulti = !self.multiLastFor.isEmpty
      if !hasSequence, !hasLast, self.nextFor.isEmpty, !hasMulti, self.startTime == nil {
        return .emptyRequest
      }
      let isContradiction =
        hasSequence && hasLast || hasSequence && self.startTime != nil
        || self.startTime != nil && hasLast || hasLast && !self.nextFor.isEmpty
        || hasLast && hasMulti || !self.nextFor.isEmpty && hasMulti
        || self.batch > 0 && hasLast || self.upToSequence > 0 && self.upToTime != nil
      return isContradiction ? .badRequest : nil
    }
  }
}
