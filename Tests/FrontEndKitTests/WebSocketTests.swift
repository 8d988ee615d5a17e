import NIOCore
import NIOEmbedded
import Testing

@testable import GodwitFrontEndKit

/// A client of WebSocket, by the byte.
private struct WebSocketRig {
  let rig: Rig
  var channel: EmbeddedChannel { self.rig.channel }
  var session: ProbeSession { self.rig.session }

  static let rules = WebSocketRules(
    paths: ["/mqtt"], subprotocols: ["mqtt", "mqttv3.1"], requiresSubprotocol: true,
    frameBytesMax: 70_000)

  init(_ rules: WebSocketRules = Self.rules) throws {
    self.rig = try Rig(transport: .ws)
    try WebSocketPipeline.add(
      to: self.rig.channel, rules: rules, connection: self.rig.connection, loop: self.rig.loop,
      handshakeSeconds: 10)
    self.rig.channel.connect(to: try SocketAddress(ipAddress: "192.0.2.1", port: 7), promise: nil)
  }

  static func upgraded() throws -> WebSocketRig {
    let rig = try WebSocketRig()
    let answer = try rig.ask()
    #expect(answer.hasPrefix("HTTP/1.1 101 "))
    return rig
  }

  /// Sends an upgrade request and reads the answer.
  func ask(
    path: String = "/mqtt", subprotocol: String? = "mqtt", version: String = "13",
    more: String = ""
  ) throws -> String {
    var lines = [
      "GET \(path) HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: websocket",
      "Sec-WebSocket-Version: \(version)", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    if let subprotocol { lines.append("Sec-WebSocket-Protocol: \(subprotocol)") }
    return try self.hear(lines.joined(separator: "\r\n") + "\r\n\(more)\r\n")
  }

  func hear(_ text: String) throws -> String {
    // A refusal is an error too, which ends at the pipeline's tail.
    try? self.rig.receive(text.utf8)
    return String(decoding: try self.rig.sent(), as: UTF8.self)
  }

  /// A frame as a client sends it.
  static func frame(
    _ opcode: UInt8, _ payload: [UInt8], fin: Bool = true, reserved: UInt8 = 0,
    masked: Bool = true
  ) -> [UInt8] {
    var bytes: [UInt8] = [(fin ? 0x80 : 0) | reserved | opcode]
    let mask: UInt8 = masked ? 0x80 : 0
    switch payload.count {
    case ..<126: bytes.append(mask | UInt8(payload.count))
    case ..<65_536:
      bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
    default:
      let count = UInt64(payload.count)
      bytes.append(mask | 127)
      bytes += (0..<8).reversed().map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
    }
    guard masked else { return bytes + payload }
    let key: [UInt8] = [0xA1, 0x02, 0x73, 0xFF]
    return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
  }
}

/// A socket that takes nothing until it is opened.
private final class Dam: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  private var waiting: [(NIOAny, EventLoopPromise<Void>?)] = []
  private var context: ChannelHandlerContext?
  private var isOpen = false
  private(set) var held = 0

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !self.isOpen else { return context.write(data, promise: promise) }
    // Head and payload of one frame come apart, and the promise with the last.
    if promise != nil { self.held += 1 }
    self.waiting.append((data, promise))
  }

  func open() {
    self.isOpen = true
    for (data, promise) in self.waiting { self.context?.write(data, promise: promise) }
    self.waiting = []
    self.context?.flush()
  }
}

@Suite struct WebSocketTests {
  @Test func theUpgradeChoosesASubprotocolAndAnswersTheKey() throws {
    let rig = try WebSocketRig()
    let answer = try rig.ask(subprotocol: "other, mqttv3.1, mqtt")
    #expect(answer.hasPrefix("HTTP/1.1 101 "))
    // The key and its answer are the example of RFC 6455, 1.3.
    #expect(answer.lowercased().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="))
    #expect(answer.contains("Sec-WebSocket-Protocol: mqtt\r\n"))
    #expect(rig.session.events == ["opened"])
  }

  @Test func noSubprotocolWhereNoneIsNeeded() throws {
    let rules = WebSocketRules(
      paths: [], subprotocols: [], requiresSubprotocol: false, frameBytesMax: 100)
    let rig = try WebSocketRig(rules)
    let answer = try rig.ask(path: "/anything?x=1", subprotocol: nil)
    #expect(answer.hasPrefix("HTTP/1.1 101 "))
    #expect(!answer.lowercased().contains("sec-websocket-protocol"))
  }

  @Test(
    arguments: [
      ("/other", "mqtt", "13"), ("/mqttx", "mqtt", "13"), ("/mqtt", "stomp", "13"),
      ("/mqtt", nil, "13"), ("/mqtt", "mqtt", "12"),
    ] as [(String, String?, String)])
  func upgradesThatAreRefused(path: String, subprotocol: String?, version: String) throws {
    let rig = try WebSocketRig()
    let answer = try rig.ask(path: path, subprotocol: subprotocol, version: version)
    #expect(answer.hasPrefix("HTTP/1.1 4"), "\(answer)")
    #expect(rig.session.events == [])
    #expect(rig.session.frames == [])
  }

  @Test func ordinaryRequestsAreToldWhatThisPortSpeaks() throws {
    let rig = try WebSocketRig()
    let answer = try rig.hear("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 400 "))
    #expect(answer.contains("This port speaks WebSocket only."))
    #expect(!rig.channel.isActive)
  }

  @Test(arguments: [
    "\u{10}\u{0C}\0\u{4}MQTT\u{5}\u{2}\0\0\0\0\0", "PING\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
    "GET /mqtt HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n",
    "GET /mqtt HTTP/1.1\r\n: empty\r\n\r\n", "GET \0 HTTP/1.1\r\n\r\n",
    "POST /mqtt HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\n",
  ])
  func hostileRequestsNeverOpenASession(text: String) throws {
    let rig = try WebSocketRig()
    try? rig.rig.receive(text.utf8)
    _ = try? rig.rig.sent()
    #expect(rig.session.events == [])
  }

  @Test func aHeadWithoutEndIsCut() throws {
    let rig = try WebSocketRig()
    try rig.rig.receive("GET /mqtt HTTP/1.1\r\n".utf8)
    var refused = false
    for number in 0..<3_000 where rig.channel.isActive && !refused {
      let line = "X-\(number): \(String(repeating: "a", count: 100))\r\n"
      do { try rig.rig.receive(line.utf8) } catch { refused = true }
    }
    #expect(refused || !rig.channel.isActive)
    #expect(rig.session.events == [])
  }

  @Test func aSlowUpgradeIsCut() throws {
    let rig = try WebSocketRig()
    try rig.rig.receive("GET /mqtt HTTP/1.1\r\n".utf8)
    rig.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
    #expect(rig.channel.isActive)
    rig.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
    #expect(!rig.channel.isActive)
    let quick = try WebSocketRig.upgraded()
    quick.channel.embeddedEventLoop.advanceTime(by: .seconds(60))
    #expect(quick.channel.isActive)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func packetsAreSplitAndJoinedAcrossFramesAsTheSenderLikes(seed: UInt64) throws {
    var random = Random(seed: seed)
    let rig = try WebSocketRig.upgraded()
    let frames = (0..<50).map { number in
      [UInt8](repeating: UInt8(number), count: Int.random(in: 0...3_000, using: &random))
    }
    var packets = frames.flatMap(frame)[...]
    var wire: [UInt8] = []
    var isInMessage = false
    while !packets.isEmpty {
      let part = Array(packets.prefix(Int.random(in: 0...5_000, using: &random)))
      packets = packets.dropFirst(part.count)
      let isLast = Bool.random(using: &random) || packets.isEmpty
      wire += WebSocketRig.frame(isInMessage ? 0 : 2, part, fin: isLast)
      isInMessage = !isLast
      // Control frames may stand between the parts of a message.
      if Int.random(in: 0..<10, using: &random) == 0 { wire += WebSocketRig.frame(0xA, []) }
    }
    var rest = wire[...]
    while !rest.isEmpty {
      let step = Int.random(in: 1...2_000, using: &random)
      try rig.rig.receive(rest.prefix(step))
      rest = rest.dropFirst(step)
    }
    #expect(rig.session.frames == frames, "seed \(seed)")
  }

  @Test func whatIsSentIsOneBinaryFrame() throws {
    let rig = try WebSocketRig.upgraded()
    rig.rig.append([1, 2])
    rig.rig.append([3])
    #expect(try rig.rig.sent() == [0x82, 3, 1, 2, 3])
  }

  @Test func pingsAreAnswered() throws {
    let rig = try WebSocketRig.upgraded()
    try rig.rig.receive(WebSocketRig.frame(9, [7, 8]))
    #expect(try rig.rig.sent() == [0x8A, 2, 7, 8])
  }

  @Test func ofPingsThatComeTogetherTheLatestIsAnswered() throws {
    let rig = try WebSocketRig.upgraded()
    try rig.rig.receive((0..<100).flatMap { WebSocketRig.frame(9, [7, $0]) })
    #expect(try rig.rig.sent() == [0x8A, 2, 7, 99])
  }

  @Test func pongsDoNotPileUpForWhoDoesNotRead() throws {
    let rig = try WebSocketRig.upgraded()
    let dam = Dam()
    try rig.channel.pipeline.syncOperations.addHandler(dam, position: .first)
    for number: UInt8 in 0..<200 {
      try rig.rig.receive(WebSocketRig.frame(9, [number]))
    }
    #expect(dam.held == 1)
    dam.open()
    #expect(try rig.rig.sent() == [0x8A, 1, 0, 0x8A, 1, 199])
    try rig.rig.receive(WebSocketRig.frame(9, [1, 2]))
    #expect(try rig.rig.sent() == [0x8A, 2, 1, 2])
  }

  @Test func nothingIsTakenAfterAClose() throws {
    let rig = try WebSocketRig.upgraded()
    let late = WebSocketRig.frame(2, frame([1])) + WebSocketRig.frame(9, [])
    try rig.rig.receive(WebSocketRig.frame(8, [0x03, 0xE8]) + late)
    #expect(try rig.rig.sent() == [0x88, 2, 0x03, 0xE8])
    #expect(rig.session.frames == [])
  }

  @Test func aHandshakeCountsFromItsFirstMoment() throws {
    let rig = try WebSocketRig()
    let table = rig.rig.loop.connections
    #expect([table.count, table.count(from: "192.0.2.1"), Int(table.total)] == [1, 1, 1])
    _ = try rig.ask()
    #expect([table.count, table.count(from: "192.0.2.1"), Int(table.total)] == [1, 1, 1])
    _ = try rig.channel.finish()
    #expect([table.count, table.count(from: "192.0.2.1"), Int(table.total)] == [0, 0, 1])
  }

  @Test(arguments: ["", "GET /mqtt HTTP/1.1\r\nHost"])
  func whoLeavesDuringTheHandshakeKeepsNothing(text: String) throws {
    let rig = try WebSocketRig()
    try rig.rig.receive(text.utf8)
    rig.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    #expect(!rig.channel.isActive)
    rig.channel.embeddedEventLoop.run()
    #expect(rig.rig.loop.connections.count == 0)
    #expect(rig.session.reasons == [.peerClosed])
  }

  @Test func anOperatorCanEndAHandshake() throws {
    let rig = try WebSocketRig()
    rig.session.evict(.operatorRequest)
    #expect(!rig.channel.isActive)
    rig.channel.embeddedEventLoop.run()
    #expect(rig.session.reasons == [.operatorRequest])
  }

  /// What is left of a connection, its session and its table once the channel has gone.
  private struct Remains {
    weak var connection: Connection?
    weak var session: ProbeSession?
    weak var loop: Loop?
  }

  @Test(
    arguments: [
      "", "GET /mqtt HTTP/1.1\r\nHost", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "garbage\r\n\r\n",
      "GET /mqtt HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + "Sec-WebSocket-Protocol: mqtt\r\nContent-Length: 5\r\n\r\n1234",
    ])
  func connectionsThatEndBeforeTheirHandshakeAreGone(text: String) throws {
    func begun() throws -> Remains {
      let rig = try WebSocketRig()
      let remains = Remains(
        connection: rig.rig.connection, session: rig.session, loop: rig.rig.loop)
      try? rig.rig.receive(text.utf8)
      #expect(rig.session.events == [])
      _ = try? rig.channel.finish(acceptAlreadyClosed: true)
      #expect(rig.session.reasons.count == 1)
      return remains
    }
    let remains = try begun()
    #expect(remains.connection == nil)
    #expect(remains.session == nil)
    #expect(remains.loop == nil)
  }

  @Test(arguments: ["Content-Length: 5", "Transfer-Encoding: chunked"])
  func anUpgradeWithABodyIsRefused(header: String) throws {
    let rig = try WebSocketRig()
    _ = try rig.ask(more: header + "\r\n")
    let answer = try rig.hear(header.hasPrefix("C") ? "12345" : "5\r\n12345\r\n0\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
    #expect(rig.session.events == [])
  }

  @Test func aCloseIsAnsweredAndTheConnectionEnds() throws {
    let rig = try WebSocketRig.upgraded()
    try rig.rig.receive(WebSocketRig.frame(8, [0x03, 0xE8]))
    #expect(try rig.rig.sent() == [0x88, 2, 0x03, 0xE8])
    #expect(rig.session.reasons == [.peerClosed])
  }

  @Test func ourCloseIsSaid() throws {
    let rig = try WebSocketRig.upgraded()
    rig.rig.append([1])
    rig.rig.connection.close(.shutdown)
    #expect(try rig.rig.sent() == [0x82, 1, 1, 0x88, 2, 0x03, 0xE8])
    #expect(rig.session.reasons == [.shutdown])
  }

  @Test(
    arguments: [
      (WebSocketRig.frame(2, [0], masked: false), 1002), (WebSocketRig.frame(1, [65]), 1003),
      (WebSocketRig.frame(0, [0]), 1002),
      (WebSocketRig.frame(2, [0], fin: false) + WebSocketRig.frame(2, [0]), 1002),
      (WebSocketRig.frame(3, [0]), 1002),
      (WebSocketRig.frame(2, [UInt8](repeating: 0, count: 70_001)), 1009),
      (WebSocketRig.frame(9, [UInt8](repeating: 0, count: 126)), 1002),
      (WebSocketRig.frame(2, [0], reserved: 0x40), 1002),
      (WebSocketRig.frame(2, [0], reserved: 0x20), 1002),
      (WebSocketRig.frame(9, [0], reserved: 0x10), 1002),
      (WebSocketRig.frame(2, [], fin: false) + WebSocketRig.frame(0, [], reserved: 0x40), 1002),
      (WebSocketRig.frame(8, [3]), 1002), (WebSocketRig.frame(8, [0x03, 0xE7]), 1002),
      (WebSocketRig.frame(8, [0x03, 0xEC]), 1002), (WebSocketRig.frame(8, [0x03, 0xED]), 1002),
      (WebSocketRig.frame(8, [0x03, 0xEE]), 1002), (WebSocketRig.frame(8, [0x03, 0xF7]), 1002),
      (WebSocketRig.frame(8, [0x0B, 0xB7]), 1002), (WebSocketRig.frame(8, [0x13, 0x88]), 1002),
      (WebSocketRig.frame(8, [0x03, 0xE8, 0xFF, 0xFF]), 1007),
      (WebSocketRig.frame(8, [0x03, 0xE8, 0xED, 0xA0, 0x80]), 1007),
    ] as [([UInt8], Int)])
  func violationsAreClosedWithTheirCode(bytes: [UInt8], code: Int) throws {
    let rig = try WebSocketRig.upgraded()
    try? rig.rig.receive(bytes)
    let said = (try? rig.rig.sent()) ?? []
    #expect(said.starts(with: [0x88, 2, UInt8(code >> 8), UInt8(code & 0xFF)]), "\(said)")
    #expect(!rig.channel.isActive)
    #expect(rig.session.reasons.count == 1)
  }

  @Test(arguments: 1...30 as ClosedRange<UInt64>)
  func garbageAfterTheUpgradeEndsOneConnectionAtMost(seed: UInt64) throws {
    var random = Random(seed: seed)
    let rig = try WebSocketRig.upgraded()
    for _ in 0..<50 where rig.channel.isActive {
      let bytes = (0..<Int.random(in: 1...200, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      try? rig.rig.receive(bytes)
      _ = try? rig.rig.sent()
    }
    #expect(rig.session.reasons.count <= 1)
  }
}
