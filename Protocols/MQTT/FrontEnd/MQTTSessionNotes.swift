import GodwitEngine
import MQTTWire
import NIOCore

/// What of a session is written beside its queue, so that it outlives the process: who it is for,
/// when it lost its connection, its will, and each subscription by its filter.
struct MQTTSessionHead {
  var expirySeconds: UInt32
  /// In the engine's clock; 0 while there is a connection.
  var disconnectedAt: Int64
  /// The name of whom it acts for.
  var sender: MQTTSender.Note

  /// The key of a queue's fact.
  static let key = Array("head".utf8)
  private static let version: UInt8 = 1

  var bytes: [UInt8] {
    var buffer = ByteBuffer()
    buffer.writeMultipleIntegers(Self.version, expirySeconds, disconnectedAt)
    sender.write(to: &buffer)
    return Array(buffer.readableBytesView)
  }

  init(expirySeconds: UInt32, disconnectedAt: Int64, sender: MQTTSender.Note) {
    self.expirySeconds = expirySeconds
    self.disconnectedAt = disconnectedAt
    self.sender = sender
  }

  init?(_ bytes: [UInt8]) {
    var buffer = ByteBuffer(bytes: bytes)
    guard
      let (version, expirySeconds, disconnectedAt) = buffer.readMultipleIntegers(
        as: (UInt8, UInt32, Int64).self), version == Self.version,
      let sender = MQTTSender.Note(&buffer)
    else { return nil }
    self.init(expirySeconds: expirySeconds, disconnectedAt: disconnectedAt, sender: sender)
  }
}

extension MQTTSession {
  private static let willKey = Array("will".utf8)
  private static let filterPrefix = Array("filter ".utf8)
  private static let namePrefix = Array("mqtt ".utf8)

  /// The name of a client's queue.
  static func queueName(_ clientID: [UInt8]) -> [UInt8] { namePrefix + clientID }

  /// The client that a queue is for; `nil` when it is for something else.
  static func clientID(ofQueue name: [UInt8]) -> [UInt8]? {
    name.starts(with: namePrefix) ? Array(name.dropFirst(namePrefix.count)) : nil
  }

  /// Writes down whose session it is, and since when it has no connection.
  func noteHead() {
    guard let queue, let note = senderNote else { return }
    let head = MQTTSessionHead(
      expirySeconds: expirySeconds, disconnectedAt: disconnectedAt, sender: note)
    try? queue.set(MQTTSessionHead.key, head.bytes)
  }

  private var senderNote: MQTTSender.Note? {
    absentee?.note(frontEnd.runID)
      ?? client.map { MQTTSender(principal, $0.peerIdentity).note(frontEnd.runID) }
  }

  /// Writes the will down, or that there is none.
  func noteWill() {
    guard let queue else { return }
    if let will {
      try? queue.set(Self.willKey, will.note)
    } else {
      queue.remove(Self.willKey)
    }
  }

  /// The will that was written down.
  var notedWill: MQTTWill? { queue?.facts[Self.willKey].flatMap { MQTTWill(note: $0) } }

  /// Writes a subscription down.
  ///
  /// - Throws: `quotaExceeded`.
  func note(
    _ filter: [UInt8], _ request: MQTTSubscribe.Request, _ identifier: UInt32?
  ) throws(EngineError) {
    guard let queue else { return }
    var flags = request.qos.rawValue
    if request.noLocal { flags |= 0x04 }
    if request.retainAsPublished { flags |= 0x08 }
    var buffer = ByteBuffer(integer: flags)
    buffer.writeInteger(identifier ?? 0)
    try queue.set(Self.filterPrefix + filter, Array(buffer.readableBytesView))
  }

  /// Forgets a subscription that was written down.
  func forget(filter: [UInt8]) {
    // With the session all of it goes.
    if !isEnded { queue?.remove(Self.filterPrefix + filter) }
  }

  /// The subscriptions that were written down.
  var notedSubscriptions: [(request: MQTTSubscribe.Request, identifier: UInt32?)] {
    guard let queue else { return [] }
    return queue.facts.compactMap { key, value in
      var buffer = ByteBuffer(bytes: value)
      guard key.starts(with: Self.filterPrefix),
        let (flags, identifier) = buffer.readMultipleIntegers(as: (UInt8, UInt32).self),
        let qos = MQTTQoS(rawValue: flags & 0x03)
      else { return nil }
      let request = MQTTSubscribe.Request(
        filter: ByteBuffer(bytes: key.dropFirst(Self.filterPrefix.count)), qos: qos,
        noLocal: flags & 0x04 != 0, retainAsPublished: flags & 0x08 != 0)
      return (request, identifier == 0 ? nil : identifier)
    }
  }
}

/// Fields of notes: a length and bytes each.
extension ByteBuffer {
  mutating func writeField(_ bytes: some Collection<UInt8>) {
    writeInteger(UInt32(truncatingIfNeeded: bytes.count))
    writeBytes(bytes)
  }

  mutating func readField() -> [UInt8]? {
    readInteger(as: UInt32.self).flatMap { readBytes(length: Int($0)) }
  }

  mutating func readTextField() -> String? {
    readField().map { String(decoding: $0, as: UTF8.self) }
  }
}
