import GodwitEngine
import NIOCore
import NIOEmbedded

@testable import GodwitFrontEndKit

/// A session whose frames are a big-endian length of two bytes and as many bytes.
final class ProbeSession: Session {
  /// Whether it says how many bytes it needs.
  var saysNeeds = true
  /// After how many frames it pauses; `nil` for never.
  var pausesAfter: Int?
  /// Runs on each frame.
  var onFrame: (([UInt8]) -> Void)?
  private(set) var frames: [[UInt8]] = []
  private(set) var shown: [Int] = []
  private(set) var events: [String] = []
  private(set) var reasons: [CloseReason] = []
  /// What was promised to be there at the next call; for checking the connection.
  private(set) var broughtTooLittle = false
  private var needed = 0

  override func opened() { self.events.append("opened") }

  override func receive(_ bytes: UnsafeRawBufferPointer) -> Intake {
    self.shown.append(bytes.count)
    if bytes.count < self.needed { self.broughtTooLittle = true }
    var offset = 0
    while true {
      let rest = bytes.count - offset
      guard rest >= 2 else { return self.intake(offset, rest == 0 ? 0 : 2) }
      let length = Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
      guard rest >= 2 + length else { return self.intake(offset, 2 + length) }
      let frame = Array(bytes[(offset + 2)..<(offset + 2 + length)])
      offset += 2 + length
      self.frames.append(frame)
      self.onFrame?(frame)
      if !self.connection.isOpen { return Intake(consumed: offset) }
      if let limit = self.pausesAfter, self.frames.count >= limit {
        self.pausesAfter = nil
        self.connection.pauseReading()
        return self.intake(offset, 0)
      }
    }
  }

  private func intake(_ consumed: Int, _ needed: Int) -> Intake {
    self.needed = self.saysNeeds ? needed : 0
    return Intake(consumed: consumed, needed: self.needed)
  }

  override func tlsEstablished() { self.events.append("tls") }

  override func inputClosed() {
    self.events.append("input closed")
    super.inputClosed()
  }

  override func outputOverflowed() { self.events.append("overflowed") }

  override func outputDrained() { self.events.append("drained") }

  override func closed(_ reason: CloseReason) { self.reasons.append(reason) }
}

/// A connection on a channel in memory.
struct Rig {
  let channel: EmbeddedChannel
  let loop: Loop
  let connection: Connection
  let session: ProbeSession

  init(transport: Transport = .tcp) throws {
    let channel = EmbeddedChannel()
    self.channel = channel
    self.loop = Loop(eventLoop: channel.embeddedEventLoop, wallNanoseconds: 1_000_000_000)
    let peer = PeerInfo(address: "192.0.2.1", port: 7, transport: transport, listener: "probe")
    self.connection = Connection(
      loop: self.loop, frontEndName: "probe", peer: peer, tls: nil, handshakeSeconds: 10)
    self.session = ProbeSession(connection: self.connection)
    self.connection.session = self.session
  }

  /// A connection that is open.
  static func opened() throws -> Rig {
    let rig = try Rig()
    try rig.channel.pipeline.syncOperations.addHandler(rig.connection)
    rig.channel.connect(to: try SocketAddress(ipAddress: "192.0.2.1", port: 7), promise: nil)
    return rig
  }

  /// Bytes come in.
  func receive(_ bytes: some Sequence<UInt8>) throws {
    try self.channel.writeInbound(ByteBuffer(bytes: Array(bytes)))
  }

  /// Everything that was sent since the last time, once the loop has turned.
  func sent() throws -> [UInt8] {
    self.channel.embeddedEventLoop.run()
    var bytes: [UInt8] = []
    while let buffer = try self.channel.readOutbound(as: ByteBuffer.self) {
      bytes += Array(buffer.readableBytesView)
    }
    return bytes
  }

  /// Appends bytes to what will be sent.
  func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { self.connection.append($0) }
  }

  /// Moves the engine's time on and fires what is due.
  func wait(seconds: Int64) {
    self.loop.engine.advance(to: self.loop.engine.now + seconds * 1_000_000_000)
    _ = self.loop.engine.timers.fireDue()
    self.channel.embeddedEventLoop.run()
  }
}

/// A seeded generator (SplitMix64): a failing run can be repeated.
struct Random: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { self.state = seed }

  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var value = self.state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// A frame as `ProbeSession` reads it.
func frame(_ body: [UInt8]) -> [UInt8] {
  [UInt8(body.count >> 8), UInt8(body.count & 0xFF)] + body
}
