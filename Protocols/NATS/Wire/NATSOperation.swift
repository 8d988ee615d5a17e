/// One protocol operation as it stands in the parsed bytes: nothing is copied.
///
/// All buffers point into the bytes given to `NATSParser.next` and are valid as long as those.
/// Only the fields named beside a `Kind` are meaningful after it was parsed.
public struct NATSOperation {
  /// What the operation is, and which fields it fills.
  public enum Kind: UInt8, Sendable {
    /// Nothing was parsed yet.
    case none
    /// `INFO {json}`: `argument`.
    case info
    /// `CONNECT {json}`: `argument`.
    case connect
    /// `PING`.
    case ping
    /// `PONG`.
    case pong
    /// `+OK`.
    case ok
    /// `-ERR 'text'`: `argument`, quotes included.
    case error
    /// `PUB` and `HPUB`: `subject`, `reply`, `message`, `headerBytes`, `tail`, `isTailCanonical`.
    case publish
    /// `SUB`: `subject`, `queue`, `sid`.
    case subscribe
    /// `UNSUB`: `sid`, `messagesMax`.
    case unsubscribe
    /// `MSG` and `HMSG`: `subject`, `sid`, `reply`, `message`, `headerBytes`.
    case message
  }

  /// What the operation is.
  public var kind: Kind = .none
  /// The bytes the whole operation takes, line ends included.
  public var consumed = 0
  /// The subject of PUB, HPUB, SUB, MSG and HMSG.
  public var subject = UnsafeRawBufferPointer(start: nil, count: 0)
  /// The reply subject of PUB, HPUB, MSG and HMSG; empty when there is none.
  public var reply = UnsafeRawBufferPointer(start: nil, count: 0)
  /// The queue group of SUB; empty when there is none.
  public var queue = UnsafeRawBufferPointer(start: nil, count: 0)
  /// The subscription identifier of SUB, UNSUB, MSG and HMSG.
  public var sid = UnsafeRawBufferPointer(start: nil, count: 0)
  /// What follows the verb of CONNECT, INFO and -ERR.
  public var argument = UnsafeRawBufferPointer(start: nil, count: 0)
  /// Header block and payload of a message, without the line end behind them.
  public var message = UnsafeRawBufferPointer(start: nil, count: 0)
  /// The size of the header block at the front of `message`; 0 when there is none.
  public var headerBytes = 0
  /// From the byte after the subject's space to the end of the operation:
  /// `[reply ][header size ]size\r\nmessage\r\n`. Behind `MSG subject sid ` (or `HMSG …`) it is
  /// a whole delivery. Meaningful only when `isTailCanonical`.
  public var tail = UnsafeRawBufferPointer(start: nil, count: 0)
  /// Whether `tail` uses single spaces and CRLF only and so may be forwarded as it is.
  public var isTailCanonical = false
  /// The second argument of UNSUB; `nil` when it is missing or not a number of 1 to 9 digits.
  public var messagesMax: Int?

  /// Makes an empty operation to parse into.
  public init() {}

  /// The header block of a message; empty when there is none.
  @inlinable public var headers: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: self.message.baseAddress, count: self.headerBytes)
  }

  /// The payload of a message, behind its header block.
  @inlinable public var payload: UnsafeRawBufferPointer {
    guard let base = self.message.baseAddress else { return self.message }
    // The parser has checked that the header block is no longer than the message.
    return UnsafeRawBufferPointer(
      start: base + self.headerBytes, count: self.message.count &- self.headerBytes)
  }
}
