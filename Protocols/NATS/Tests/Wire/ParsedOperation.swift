import GodwitWire
import NATSWire

/// What `NATSOperation` points to, copied out so that it can be compared.
struct ParsedOperation: Hashable {
  var kind: NATSOperation.Kind
  var subject = ""
  var reply = ""
  var queue = ""
  var sid = ""
  var argument = ""
  var message: [UInt8] = []
  var headerBytes = 0
  var messagesMax: Int?
  var isCanonical = false

  init(_ operation: NATSOperation) {
    self.kind = operation.kind
    let text = { String(decoding: $0 as UnsafeRawBufferPointer, as: UTF8.self) }
    switch operation.kind {
    case .none, .ping, .pong, .ok: break
    case .info, .connect, .error: self.argument = text(operation.argument)
    case .publish:
      self.subject = text(operation.subject)
      self.reply = text(operation.reply)
      self.message = Array(operation.message)
      self.headerBytes = operation.headerBytes
      self.isCanonical = operation.isTailCanonical
    case .subscribe:
      self.subject = text(operation.subject)
      self.queue = text(operation.queue)
      self.sid = text(operation.sid)
    case .unsubscribe:
      self.sid = text(operation.sid)
      self.messagesMax = operation.messagesMax
    case .message:
      self.subject = text(operation.subject)
      self.sid = text(operation.sid)
      self.reply = text(operation.reply)
      self.message = Array(operation.message)
      self.headerBytes = operation.headerBytes
    }
  }

  /// Reads the form in which the vector files write operations.
  init(_ json: JSONValue) {
    let text = { (name: String) in json[name]?.string ?? "" }
    let bare: [String: NATSOperation.Kind] = ["ping": .ping, "pong": .pong, "ok": .ok]
    self.kind = bare[text("bare")] ?? .none
    if json["publish"] != nil {
      self.kind = .publish
      self.subject = text("publish")
      self.message = Array(text("message").utf8)
    } else if json["message"] != nil {
      self.kind = .message
      self.subject = text("message")
      self.message = Array(text("body").utf8)
    } else if json["subscribe"] != nil {
      self.kind = .subscribe
      self.subject = text("subscribe")
    } else if json["unsubscribe"] != nil {
      self.kind = .unsubscribe
      self.sid = text("unsubscribe")
      self.messagesMax = json["max"]?.integer.flatMap { Int(exactly: $0) }
    }
    let arguments: [(String, NATSOperation.Kind)] = [
      ("connect", .connect), ("info", .info), ("error", .error),
    ]
    for (name, kind) in arguments where json[name] != nil {
      self.kind = kind
      self.argument = text(name)
    }
    if self.sid.isEmpty { self.sid = text("sid") }
    self.reply = text("reply")
    self.queue = text("queue")
    self.headerBytes = json["headers"]?.integer.flatMap { Int(exactly: $0) } ?? 0
    self.isCanonical = json["canonical"]?.bool ?? false
  }
}

/// Everything a parser makes of a byte stream.
struct ParsedStream: Hashable {
  var operations: [ParsedOperation] = []
  var error: NATSWireError.Code?
  /// Bytes left over because an operation was incomplete.
  var remaining = 0

  /// Feeds `bytes` in pieces that end at `cuts`, keeping what is incomplete, and never asking
  /// the parser again before the bytes are there that it said it needs.
  init(_ bytes: [UInt8], parser: NATSParser, cuts: [Int] = []) {
    var parser = parser
    var pending: [UInt8] = []
    var needed = 0
    var start = 0
    for end in cuts + [bytes.count] where end >= start {
      pending += bytes[start..<end]
      start = end
      // The last piece is always offered: an error may show before the operation is whole.
      guard pending.count >= needed || end == bytes.count else { continue }
      let consumed = pending.withUnsafeBytes { self.feed($0, &parser) }
      guard self.error == nil else { return }
      pending.removeFirst(consumed)
      needed = parser.bytesNeeded
    }
    self.remaining = pending.count
  }

  private mutating func feed(_ bytes: UnsafeRawBufferPointer, _ parser: inout NATSParser) -> Int {
    var offset = 0
    var operation = NATSOperation()
    do {
      while try parser.next(UnsafeRawBufferPointer(rebasing: bytes[offset...]), into: &operation) {
        offset += operation.consumed
        self.operations.append(ParsedOperation(operation))
        self.checkTail(operation)
      }
    } catch {
      self.error = error.code
    }
    return offset
  }

  /// A canonical tail must end the operation and hold exactly what an encoder would write.
  private mutating func checkTail(_ operation: NATSOperation) {
    guard operation.kind == .publish, operation.isTailCanonical else { return }
    let endsWithMessage =
      operation.tail.suffix(2).elementsEqual([0x0D, 0x0A])
      && operation.tail.dropLast(2).suffix(operation.message.count)
        .elementsEqual(operation.message)
    let line = operation.tail.dropLast(operation.message.count + 4)
    let fields = line.split(separator: 0x20, omittingEmptySubsequences: false)
    let expected = (operation.reply.isEmpty ? 0 : 1) + (operation.headerBytes > 0 ? 2 : 1)
    if !endsWithMessage || fields.count != expected || line.contains(0x09) {
      self.operations.append(ParsedOperation(NATSOperation()))
    }
  }
}
