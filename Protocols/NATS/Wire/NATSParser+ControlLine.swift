import GodwitWire

/// The general path: any operation, any spacing the reference server tolerates.
extension NATSParser {
  /// What stands between a verb and the end of its control line.
  private struct Line {
    /// The arguments without blanks in front and line end behind.
    var argument: UnsafeRawBufferPointer
    /// The offset behind the line end.
    var end: Int
    /// Whether the verb was followed by one space and the line ended with CRLF.
    var isCanonical: Bool
  }

  mutating func general(
    _ bytes: UnsafeRawBufferPointer, into operation: inout NATSOperation
  ) throws(NATSWireError) -> Bool {
    switch (bytes[0] | 0x20, self.sender) {
    case (UInt8(ascii: "p"), _):
      guard bytes.count > 1 else { return self.incomplete(needing: 2) }
      switch bytes[1] | 0x20 {
      case UInt8(ascii: "i"): return try self.bare("PING", .ping, bytes, &operation)
      case UInt8(ascii: "o"): return try self.bare("PONG", .pong, bytes, &operation)
      case UInt8(ascii: "u") where self.sender == .client:
        return try self.publish("PUB", hasHeaders: false, bytes, &operation)
      default: throw Self.unknown
      }
    case (UInt8(ascii: "h"), .client):
      return try self.publish("HPUB", hasHeaders: true, bytes, &operation)
    case (UInt8(ascii: "s"), .client): return try self.subscribe(bytes, &operation)
    case (UInt8(ascii: "u"), .client): return try self.unsubscribe(bytes, &operation)
    case (UInt8(ascii: "c"), .client): return try self.json("CONNECT", .connect, bytes, &operation)
    case (UInt8(ascii: "i"), _): return try self.json("INFO", .info, bytes, &operation)
    case (UInt8(ascii: "m"), .server):
      return try self.delivery("MSG", hasHeaders: false, bytes, &operation)
    case (UInt8(ascii: "h"), .server):
      return try self.delivery("HMSG", hasHeaders: true, bytes, &operation)
    case (UInt8(ascii: "+"), _): return try self.bare("+OK", .ok, bytes, &operation)
    case (UInt8(ascii: "-"), _): return try self.error(bytes, &operation)
    default: throw Self.unknown
    }
  }

  private static var unknown: NATSWireError {
    NATSWireError(.unknownOperation, "not the start or the end of an operation")
  }

  private static var malformed: NATSWireError {
    NATSWireError(.malformedArguments, "wrong number or form of arguments")
  }

  /// Compares the verb as far as the bytes go; true when it is all there.
  private func takesVerb(
    _ verb: StaticString, _ bytes: UnsafeRawBufferPointer
  ) throws(NATSWireError) -> Bool {
    let count = verb.utf8CodeUnitCount
    for index in 0..<min(count, bytes.count) {
      let expected = verb.utf8Start[index]
      let isLetter = expected & 0x40 != 0
      guard bytes[index] == expected || (isLetter && bytes[index] == expected | 0x20) else {
        throw Self.unknown
      }
    }
    return bytes.count > count
  }

  /// `PING`, `PONG`, `+OK`: whatever follows on the line is ignored, as nats-server does.
  private mutating func bare(
    _ verb: StaticString, _ kind: NATSOperation.Kind, _ bytes: UnsafeRawBufferPointer,
    _ operation: inout NATSOperation
  ) throws(NATSWireError) -> Bool {
    let start = verb.utf8CodeUnitCount
    guard try self.takesVerb(verb, bytes) else { return self.incomplete(needing: bytes.count + 1) }
    guard let line = try self.line(bytes, from: start, operation: &operation) else { return false }
    operation.kind = kind
    operation.consumed = line.end
    return true
  }

  /// The rest of the line from `start`; `nil` when its end is not there yet.
  private mutating func line(
    _ bytes: UnsafeRawBufferPointer, from verbEnd: Int, operation: inout NATSOperation
  ) throws(NATSWireError) -> Line? {
    let limit = self.limits.controlLineBytesMax
    var start = verbEnd
    while start < bytes.count, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
    guard start - verbEnd <= limit else { throw self.tooLong }
    guard let base = bytes.baseAddress,
      let lineFeed = ASCIIScan.first(0x0A, in: base, start, bytes.count)
    else {
      let count = bytes.count - start
      if count > limit + 1 || (count == limit + 1 && bytes[bytes.count - 1] != 0x0D) {
        throw self.tooLong
      }
      _ = self.incomplete(needing: bytes.count + 1)
      return nil
    }
    let hasCarriageReturn = lineFeed > start && bytes[lineFeed - 1] == 0x0D
    let end = hasCarriageReturn ? lineFeed - 1 : lineFeed
    guard end - start <= limit else { throw self.tooLong }
    return Line(
      argument: UnsafeRawBufferPointer(rebasing: bytes[start..<end]), end: lineFeed + 1,
      isCanonical: hasCarriageReturn && start == verbEnd + 1 && bytes[verbEnd] == 0x20)
  }

  private var tooLong: NATSWireError {
    NATSWireError(
      .controlLineTooLong, "control line longer than \(self.limits.controlLineBytesMax) bytes")
  }

  /// The line of an operation whose verb must be followed by a blank.
  private mutating func line(
    after verb: StaticString, _ bytes: UnsafeRawBufferPointer, _ operation: inout NATSOperation
  ) throws(NATSWireError) -> Line? {
    let verbEnd = verb.utf8CodeUnitCount
    guard try self.takesVerb(verb, bytes) else {
      _ = self.incomplete(needing: bytes.count + 1)
      return nil
    }
    guard bytes[verbEnd] == 0x20 || bytes[verbEnd] == 0x09 else { throw Self.unknown }
    return try self.line(bytes, from: verbEnd, operation: &operation)
  }

  private mutating func json(
    _ verb: StaticString, _ kind: NATSOperation.Kind, _ bytes: UnsafeRawBufferPointer,
    _ operation: inout NATSOperation
  ) throws(NATSWireError) -> Bool {
    let verbEnd = verb.utf8CodeUnitCount
    guard try self.takesVerb(verb, bytes) else { return self.incomplete(needing: bytes.count + 1) }
    guard let line = try self.line(bytes, from: verbEnd, operation: &operation) else {
      return false
    }
    operation.kind = kind
    operation.argument = line.argument
    operation.consumed = line.end
    return true
  }

  private mutating func error(
    _ bytes: UnsafeRawBufferPointer, _ operation: inout NATSOperation
  ) throws(NATSWireError) -> Bool {
    guard let line = try self.line(after: "-ERR", bytes, &operation) else { return false }
    operation.kind = .error
    operation.argument = line.argument
    operation.consumed = line.end
    return true
  }

  private mutating func subscribe(
    _ bytes: UnsafeRawBufferPointer, _ operation: inout NATSOperation
  ) throws(NATSWireError) -> Bool {
    guard let line = try self.line(after: "SUB", bytes, &operation) else { return false }
    guard let arguments = NATSArguments(line.argument) else { throw Self.malformed }
    switch arguments.count {
    case 2:
      operation.queue = UnsafeRawBufferPointer(start: nil, count: 0)
      operation.sid = arguments[1]
    case 3:
      operation.queue = arguments[1]
      operation.sid = arguments[2]
    default: throw Self.malformed
    }
    operation.kind = .subscribe
    operation.subject = arguments[0]
    operation.consumed = line.end
    return true
  }

  private mutating func unsubscribe(
    _ bytes: UnsafeRawBufferPointer, _ operation: inout NATSOperation
  ) throws(NATSWireError) -> Bool {
    guard let line = try self.line(after: "UNSUB", bytes, &operation) else { return false }
    guard let arguments = NATSArguments(line.argument), (1...2).contains(arguments.count) else {
      throw Self.malformed
    }
    operation.kind = .unsubscribe
    operation.sid = arguments[0]
    operation.messagesMax = arguments.count == 2 ? Self.size(arguments[1]) : nil
    operation.consumed = line.end
    return true
  }

  private static func size(_ token: UnsafeRawBufferPointer) -> Int? {
    guard let base = token.baseAddress else { return nil }
    return ASCIIScan.size(base, 0, token.count)
  }

  private mutating func publish(
    _ verb: StaticString, hasHeaders: Bool, _ bytes: UnsafeRawBufferPointer,
    _ operation: inout NATSOperation
  ) throws(NATSWireError) -> Bool {
    guard let line = try self.line(after: verb, bytes, &operation) else { return false }
    guard self.acceptsHeaders || !hasHeaders else {
      throw NATSWireError(.headersNotSupported, "HPUB from a client without headers")
    }
    guard let arguments = NATSArguments(line.argument) else { throw Self.malformed }
    let sizes = hasHeaders ? 2 : 1
    guard arguments.count == sizes + 1 || arguments.count == sizes + 2 else { throw Self.malformed }
    guard
      try self.message(arguments, sizes: sizes, bytes, from: line.end, &operation)
    else { return false }
    operation.kind = .publish
    operation.subject = arguments[0]
    operation.reply = arguments.count == sizes + 2 ? arguments[1] : .init(start: nil, count: 0)
    operation.isTailCanonical =
      line.isCanonical && arguments.hasSingleSpaces && (operation.headerBytes > 0) == hasHeaders
    let tail = verb.utf8CodeUnitCount + 1 + arguments[0].count + 1
    operation.tail =
      operation.isTailCanonical
      ? .init(rebasing: bytes[tail..<operation.consumed]) : .init(start: nil, count: 0)
    return true
  }

  private mutating func delivery(
    _ verb: StaticString, hasHeaders: Bool, _ bytes: UnsafeRawBufferPointer,
    _ operation: inout NATSOperation
  ) throws(NATSWireError) -> Bool {
    guard let line = try self.line(after: verb, bytes, &operation) else { return false }
    guard let arguments = NATSArguments(line.argument) else { throw Self.malformed }
    let sizes = hasHeaders ? 2 : 1
    guard arguments.count == sizes + 2 || arguments.count == sizes + 3 else { throw Self.malformed }
    guard try self.message(arguments, sizes: sizes, bytes, from: line.end, &operation) else {
      return false
    }
    operation.kind = .message
    operation.subject = arguments[0]
    operation.sid = arguments[1]
    operation.reply = arguments.count == sizes + 3 ? arguments[2] : .init(start: nil, count: 0)
    return true
  }

  /// The message behind a control line: sizes are checked before a byte of it is awaited.
  private mutating func message(
    _ arguments: NATSArguments, sizes: Int, _ bytes: UnsafeRawBufferPointer, from start: Int,
    _ operation: inout NATSOperation
  ) throws(NATSWireError) -> Bool {
    guard let size = Self.size(arguments[arguments.count - 1]) else { throw Self.malformed }
    var headerBytes = 0
    if sizes == 2 {
      guard let parsed = Self.size(arguments[arguments.count - 2]), parsed <= size else {
        throw Self.malformed
      }
      headerBytes = parsed
    }
    guard size <= self.limits.payloadBytesMax else {
      throw NATSWireError(
        .payloadTooLarge, "message larger than \(self.limits.payloadBytesMax) bytes")
    }
    let end = start + size
    guard bytes.count <= end || bytes[end] == 0x0D else { throw Self.unknown }
    guard bytes.count >= end + 2 else { return self.incomplete(needing: end + 2) }
    guard bytes[end + 1] == 0x0A else { throw Self.unknown }
    operation.message = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    operation.headerBytes = headerBytes
    operation.consumed = end + 2
    return true
  }
}
