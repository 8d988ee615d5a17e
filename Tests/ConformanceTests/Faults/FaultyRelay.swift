import GodwitWireTesting
import NIOCore
import NIOPosix
import Synchronization

/// Stands between clients and a server, and does to their connections what a seed says: breaks them
/// for both ends or for one, silences and stalls them, at any byte.
final class FaultyRelay: Sendable {
  fileprivate struct Plan {
    var random: SplitMix64
    /// How many faults are left.
    var left = 0
    var carriers: [Carrier] = []

    mutating func next() -> Fault? {
      guard self.left > 0 else { return nil }
      self.left -= 1
      return Fault(using: &self.random)
    }
  }

  fileprivate final class Plans: Sendable {
    let plan: Mutex<Plan>

    init(_ plan: Plan) {
      self.plan = Mutex(plan)
    }

    func next() -> Fault? { self.plan.withLock { $0.next() } }
  }

  private let listener: any Channel
  private let plans: Plans

  let host = "127.0.0.1"
  /// The port it listens at.
  var port: Int { self.listener.localAddress?.port ?? 0 }

  /// A relay to a server. Until `begin` it does nothing but carry.
  init(host: String, port: Int, seed: UInt64) async throws {
    let plans = Plans(Plan(random: SplitMix64(seed: seed)))
    self.plans = plans
    self.listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { client in
        let carrier = Carrier(client: client, plans: plans)
        plans.plan.withLock { $0.carriers.append(carrier) }
        return ClientBootstrap(group: client.eventLoop)
          // Until the client can be told.
          .channelOption(.autoRead, value: false)
          .channelInitializer { server in
            server.eventLoop.makeCompletedFuture {
              carrier.connected(to: server)
              try server.pipeline.syncOperations.addHandler(
                CarrierHandler(carrier, isOfClient: false))
            }
          }
          .connect(host: host, port: port)
          .flatMapThrowing { _ in
            try client.pipeline.syncOperations.addHandler(CarrierHandler(carrier, isOfClient: true))
          }
      }
      .bind(host: self.host, port: 0).get()
  }

  /// From now on so many faults happen, those who are connected included.
  func begin(faults: Int) {
    let carriers = self.plans.plan.withLock { plan in
      plan.left = faults
      return plan.carriers
    }
    for carrier in carriers { carrier.expectFault() }
  }

  /// No other fault happens from now on. What has happened is not undone.
  func calm() {
    let carriers = self.plans.plan.withLock { plan in
      plan.left = 0
      return plan.carriers
    }
    for carrier in carriers { carrier.expectNothing() }
  }

  /// Breaks the connections of now. What they hold does not arrive any more.
  func cut() {
    for carrier in self.plans.plan.withLock({ $0.carriers }) { carrier.cut() }
  }

  /// Ends it, and everything it carries.
  func close() async {
    try? await self.listener.close().get()
    self.cut()
  }
}

/// One connection of a client, and its continuation to the server. Both are on one event loop.
private final class Carrier: Sendable {
  private struct State {
    var server: (any Channel)?
    var fault: Fault?
    /// How much has passed of the direction that the fault counts.
    var passed = 0
    /// Nothing passes any more.
    var isDead = false
    /// What waits for the end of a stall.
    var held: [(isOfClient: Bool, bytes: ByteBuffer)]?
    /// Whether an end came during a stall.
    var hasEnded = false
  }

  private let client: any Channel
  private let plans: FaultyRelay.Plans
  private let state: Mutex<State>

  init(client: any Channel, plans: FaultyRelay.Plans) {
    self.client = client
    self.plans = plans
    self.state = Mutex(State(fault: plans.next()))
  }

  private var server: (any Channel)? { self.state.withLock { $0.server } }

  func connected(to server: any Channel) {
    self.state.withLock { $0.server = server }
  }

  /// Something will happen, so many bytes from here, if there is a fault left.
  func expectFault() {
    self.state.withLock { state in
      guard state.fault == nil, !state.isDead else { return }
      state.fault = self.plans.next()
      state.passed = 0
    }
  }

  func expectNothing() {
    self.state.withLock { $0.fault = nil }
  }

  func beginReading() {
    _ = self.server?.setOption(.autoRead, value: true)
  }

  func cut() {
    self.state.withLock { state in
      state.isDead = true
      state.held = nil
    }
    self.close()
  }

  private func close() {
    self.client.close(promise: nil)
    self.server?.close(promise: nil)
  }

  func receive(_ bytes: ByteBuffer, ofClient isOfClient: Bool) {
    let (passing, fault) = self.state.withLock { state -> (ByteBuffer?, Fault?) in
      if state.isDead { return (nil, nil) }
      if state.held != nil {
        state.held?.append((isOfClient, bytes))
        return (nil, nil)
      }
      guard let fault = state.fault, fault.isOfClient == isOfClient else { return (bytes, nil) }
      guard state.passed + bytes.readableBytes > fault.bytes else {
        state.passed += bytes.readableBytes
        return (bytes, nil)
      }
      var rest = bytes
      let first = rest.readSlice(length: fault.bytes - state.passed)
      state.fault = nil
      if fault.kind == .stalled {
        state.held = [(isOfClient, rest)]
      } else {
        state.isDead = true
      }
      return (first, fault)
    }
    if let passing { self.pass(passing, ofClient: isOfClient) }
    if let fault { self.happen(fault) }
  }

  private func pass(_ bytes: ByteBuffer, ofClient isOfClient: Bool) {
    let peer: (any Channel)? = isOfClient ? self.server : self.client
    peer?.writeAndFlush(bytes, promise: nil)
  }

  private func happen(_ fault: Fault) {
    let server = self.server
    let pause = TimeAmount.milliseconds(Int64(fault.milliseconds))
    switch fault.kind {
    case .broken: self.close()
    case .lostByClient: self.client.close(promise: nil)
    case .lostByServer: server?.close(promise: nil)
    case .silent:
      self.client.eventLoop.scheduleTask(in: pause) { self.client.close(promise: nil) }
    case .stalled: self.client.eventLoop.scheduleTask(in: pause) { self.goOn() }
    }
  }

  private func goOn() {
    let (held, hasEnded) = self.state.withLock { state in
      let held = state.held ?? []
      state.held = nil
      return (held, state.hasEnded)
    }
    for (isOfClient, bytes) in held { self.pass(bytes, ofClient: isOfClient) }
    if hasEnded { return self.close() }
    self.expectFault()
  }

  func ended(ofClient isOfClient: Bool) {
    let isForwarded = self.state.withLock { state in
      if state.held != nil { state.hasEnded = true }
      return state.held == nil && !state.isDead
    }
    if isForwarded { self.close() }
  }
}

private final class CarrierHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let carrier: Carrier
  private let isOfClient: Bool

  init(_ carrier: Carrier, isOfClient: Bool) {
    self.carrier = carrier
    self.isOfClient = isOfClient
  }

  func channelActive(context: ChannelHandlerContext) {
    if self.isOfClient { self.carrier.beginReading() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    self.carrier.receive(self.unwrapInboundIn(data), ofClient: self.isOfClient)
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.carrier.ended(ofClient: self.isOfClient)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
