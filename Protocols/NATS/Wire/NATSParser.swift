import GodwitWire

/// Reads NATS operations in place from borrowed bytes, one call per operation.
///
/// The parser keeps no bytes between calls. When an operation is not whole yet, `next` returns
/// false and `bytesNeeded` says how many bytes must be there before another call can succeed,
/// so that a large message is not scanned twice.
///
/// What it accepts is what nats-server's parser accepts: verbs in any case, runs of spaces and
/// tabs, CRLF or LF behind a control line, CRLF only behind a message. Two things it refuses
/// although nats-server lets them pass, because they would damage what other clients receive:
/// a NUL and a bare CR inside a control line.
public struct NATSParser: Sendable {
  /// Whose operations are read.
  public enum Sender: Sendable {
    /// Operations that clients send: CONNECT, PUB, HPUB, SUB, UNSUB and the shared ones.
    case client
    /// Operations that servers send: INFO, MSG, HMSG and the shared ones.
    case server
  }

  /// Bounds on what the peer may send.
  public struct Limits: Hashable, Sendable {
    /// Most bytes of arguments in a control line. Default 4096, as nats-server's
    /// `max_control_line`; clients read lines of a server with `Limits.client`.
    public var controlLineBytesMax = 4096
    /// Most bytes of header block and payload together. Default 1 MiB.
    public var payloadBytesMax = 1 << 20

    /// Makes limits with the default values.
    public init() {}

    /// 4096 bytes and 1 MiB: what a server allows its clients.
    public static var defaults: Self { Self() }

    /// 1 MiB and 64 MiB: what a client allows its server.
    public static var client: Self {
      var limits = Self()
      limits.controlLineBytesMax = 1 << 20
      limits.payloadBytesMax = 1 << 26
      return limits
    }
  }

  /// Bounds on what the peer may send.
  public var limits: Limits
  /// Whether HPUB is allowed; a server sets it from CONNECT's `headers`. Default true.
  public var acceptsHeaders = true
  /// After `next` returned false: the least number of bytes, counted from the start of the
  /// operation, with which another call can get further.
  public private(set) var bytesNeeded = 0

  let sender: Sender

  /// Makes a parser for the operations of one side.
  public init(sender: Sender, limits: Limits) {
    self.sender = sender
    self.limits = limits
  }

  /// Parses the operation at the front of `bytes`.
  ///
  /// - Returns: whether a whole operation was there; then `operation` is filled.
  /// - Throws: `NATSWireError` when the bytes cannot become an operation or break a limit.
  public mutating func next(
    _ bytes: UnsafeRawBufferPointer, into operation: inout NATSOperation
  ) throws(NATSWireError) -> Bool {
    guard let base = bytes.baseAddress, bytes.count > 0 else {
      self.bytesNeeded = 1
      return false
    }
    if bytes.count >= Self.shortestPublish {
      // Letters in any case; the blank behind PUB only as it is.
      let word = UInt32(littleEndian: base.loadUnaligned(as: UInt32.self))
      if word | 0x0020_2020 == Self.pubSpace {
        if self.sender == .client, self.canonical(base, bytes.count, &operation, headers: false) {
          return true
        }
      } else if word | 0x2020_2020 == Self.hpub,
        base.load(fromByteOffset: 4, as: UInt8.self) == 0x20
      {
        if self.sender == .client, self.acceptsHeaders,
          self.canonical(base, bytes.count, &operation, headers: true)
        {
          return true
        }
      }
    }
    return try self.general(bytes, into: &operation)
  }

  mutating func incomplete(needing count: Int) -> Bool {
    self.bytesNeeded = count
    return false
  }
}

extension NATSParser {
  /// `PUB a 0\r\n\r\n`.
  private static var shortestPublish: Int { 11 }
  private static var pubSpace: UInt32 { 0x2062_7570 }
  private static var hpub: UInt32 { 0x6275_7068 }

  /// Parses a whole PUB or HPUB with single spaces and CRLF. Returns false, having promised
  /// nothing, when it is anything else: incomplete, over a limit, wrong, or merely unusual.
  @inline(__always)
  private func canonical(
    _ base: UnsafeRawPointer, _ count: Int, _ operation: inout NATSOperation, headers: Bool
  ) -> Bool {
    let start = headers ? 5 : 4
    let subjectEnd = ASCIIScan.endOfToken(base, start, count)
    guard subjectEnd > start, subjectEnd &+ 2 < count, base.byte(subjectEnd) == 0x20 else {
      return false
    }
    let second = subjectEnd &+ 1
    let secondEnd = ASCIIScan.endOfToken(base, second, count)
    guard secondEnd > second else { return false }
    var sizeStart = second
    var sizeEnd = secondEnd
    var headerStart = second
    var headerEnd = second
    var reply = UnsafeRawBufferPointer(start: nil, count: 0)
    // At most two more tokens: a reply, and the header size of HPUB.
    if sizeEnd < count, base.byte(sizeEnd) == 0x20 {
      headerStart = sizeStart
      headerEnd = sizeEnd
      sizeStart = sizeEnd &+ 1
      sizeEnd = ASCIIScan.endOfToken(base, sizeStart, count)
      if headers, sizeEnd < count, base.byte(sizeEnd) == 0x20 {
        reply = UnsafeRawBufferPointer(start: base + headerStart, count: headerEnd &- headerStart)
        headerStart = sizeStart
        headerEnd = sizeEnd
        sizeStart = sizeEnd &+ 1
        sizeEnd = ASCIIScan.endOfToken(base, sizeStart, count)
      } else if !headers {
        reply = UnsafeRawBufferPointer(start: base + headerStart, count: headerEnd &- headerStart)
      }
      guard headerEnd > headerStart else { return false }
    } else if headers {
      return false
    }
    guard sizeEnd &+ 3 < count, sizeEnd &- start <= self.limits.controlLineBytesMax,
      base.byte(sizeEnd) == 0x0D, base.byte(sizeEnd &+ 1) == 0x0A,
      let size = ASCIIScan.size(base, sizeStart, sizeEnd), size <= self.limits.payloadBytesMax
    else { return false }
    var headerBytes = 0
    if headers {
      guard let parsed = ASCIIScan.size(base, headerStart, headerEnd), parsed <= size, parsed > 0
      else { return false }
      headerBytes = parsed
    }
    let message = sizeEnd &+ 2
    let end = message &+ size
    guard end &+ 2 <= count, base.byte(end) == 0x0D, base.byte(end &+ 1) == 0x0A else {
      return false
    }
    operation.kind = .publish
    operation.consumed = end &+ 2
    operation.subject = UnsafeRawBufferPointer(start: base + start, count: subjectEnd &- start)
    operation.reply = reply
    operation.message = UnsafeRawBufferPointer(start: base + message, count: size)
    operation.headerBytes = headerBytes
    operation.tail = UnsafeRawBufferPointer(start: base + second, count: end &+ 2 &- second)
    operation.isTailCanonical = true
    return true
  }
}

extension UnsafeRawPointer {
  @inline(__always)
  fileprivate func byte(_ offset: Int) -> UInt8 {
    self.load(fromByteOffset: offset, as: UInt8.self)
  }
}
