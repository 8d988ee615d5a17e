public import NIOCore

/// A message of headers alone by which a server says what becomes of a request or a delivery.
public struct JetStreamStatus: Hashable, Sendable {
  /// Three digits.
  public var code: Int
  /// The text behind them.
  public var text: String
  /// Headers that follow.
  public var fields: [NATSHeaders.Field] = []

  /// Makes a status.
  public init(_ code: Int, _ text: String, _ fields: [NATSHeaders.Field] = []) {
    self.code = code
    self.text = text
    self.fields = fields
  }

  /// Appends the header block, its empty line included.
  public func encode(into buffer: inout ByteBuffer) {
    var headers = NATSHeaders(self.fields)
    headers.status = self.code
    headers.statusDescription = self.text
    headers.encode(into: &buffer)
  }
}

extension JetStreamStatus {
  /// A push or pull consumer is there and has nothing to deliver.
  ///
  /// - Parameters:
  ///   - consumer: the consumer sequence delivered last.
  ///   - stream: the stream sequence delivered last.
  ///   - stalled: the subject that lets a stalled delivery go on, when it is stalled.
  public static func idleHeartbeat(consumer: UInt64, stream: UInt64, stalled: String? = nil) -> Self
  {
    var status = Self(
      100, "Idle Heartbeat",
      [
        .init("Nats-Last-Consumer", String(consumer)), .init("Nats-Last-Stream", String(stream)),
      ])
    if let stalled { status.fields.append(.init("Nats-Consumer-Stalled", stalled)) }
    return status
  }

  /// The receiver is to answer this message, so that delivery goes on.
  public static var flowControlRequest: Self { Self(100, "FlowControl Request") }

  /// A request has run out of time.
  public static func requestTimeout(messages: Int, bytes: Int) -> Self {
    Self(408, "Request Timeout", self.pending(messages, bytes))
  }

  /// A request asked not to wait, and there is nothing.
  public static var noMessages: Self { Self(404, "No Messages") }
  /// A request asked not to wait, and others wait already for what there is.
  public static var requestsPending: Self { Self(408, "Requests Pending") }
  /// The consumer went while the request waited.
  public static var consumerDeleted: Self { Self(409, "Consumer Deleted") }
  /// The consumer pushes.
  public static var consumerIsPushBased: Self { Self(409, "Consumer is push based") }
  /// Too many requests wait.
  public static var exceededMaxWaiting: Self { Self(409, "Exceeded MaxWaiting") }
  /// The request is not one.
  public static func badRequest(_ what: String) -> Self { Self(400, "Bad Request - \(what)") }

  /// The request wants more than the consumer allows.
  public static func exceededMaxRequestBatch(_ max: Int) -> Self {
    Self(409, "Exceeded MaxRequestBatch of \(max)")
  }

  /// The request wants to wait longer than the consumer allows.
  ///
  /// - Parameter max: nanoseconds.
  public static func exceededMaxRequestExpires(_ max: Int64) -> Self {
    Self(409, "Exceeded MaxRequestExpires of \(NATSDuration.full(max))")
  }

  /// The request wants more bytes than the consumer allows.
  public static func exceededMaxRequestMaxBytes(_ max: Int) -> Self {
    Self(409, "Exceeded MaxRequestMaxBytes of \(max)")
  }

  /// The next message is larger than all the request takes.
  public static func messageExceedsMaxBytes(messages: Int, bytes: Int) -> Self {
    Self(409, "Message Size Exceeds MaxBytes", self.pending(messages, bytes))
  }

  /// The request's bytes are used up before its messages, or the reverse.
  public static func batchCompleted(messages: Int, bytes: Int) -> Self {
    Self(409, "Batch Completed", self.pending(messages, bytes))
  }

  /// The request names a pin that is not held.
  public static var pinMismatch: Self { Self(423, "Nats-Pin-Id mismatch") }

  /// The request waited with a pin that somebody else has got.
  public static func wrongPin(messages: Int, bytes: Int) -> Self {
    Self(423, "Nats-Wrong-Pin-Id", self.pending(messages, bytes))
  }

  /// The server stops while the request waits.
  public static func serverShutdown(messages: Int, bytes: Int) -> Self {
    Self(409, "Server Shutdown", self.pending(messages, bytes))
  }

  private static func pending(_ messages: Int, _ bytes: Int) -> [NATSHeaders.Field] {
    [
      .init("Nats-Pending-Messages", String(messages)), .init("Nats-Pending-Bytes", String(bytes)),
    ]
  }
}

extension JetStreamStatus {
  /// DIRECT.GET: the request says nothing.
  public static var emptyRequest: Self { Self(408, "Empty Request") }
  /// DIRECT.GET: the request is no JSON.
  public static var malformedRequest: Self { Self(408, "Malformed Request") }
  /// DIRECT.GET: the request contradicts itself.
  public static var badRequest: Self { Self(408, "Bad Request") }
  /// DIRECT.GET: there is no such message.
  public static var messageNotFound: Self { Self(404, "Message Not Found") }
  /// DIRECT.GET of several: there is none.
  public static var noResults: Self { Self(404, "No Results") }
  /// DIRECT.GET of several: there are more than one answer may have.
  public static var tooManyResults: Self { Self(413, "Too Many Results") }
  /// The request needs a server of a higher API level (ADR-44).
  public static var requiredApiLevel: Self { Self(412, "Required Api Level") }

  /// DIRECT.GET of several: no more follow.
  public static func endOfBatch(pending: UInt64, last: UInt64, upTo: UInt64? = nil) -> Self {
    var status = Self(
      204, "EOB",
      [.init("Nats-Num-Pending", String(pending)), .init("Nats-Last-Sequence", String(last))])
    if let upTo { status.fields.append(.init("Nats-UpTo-Sequence", String(upTo))) }
    return status
  }
}
