import GodwitEngine
import KafkaWire
import NIOCore

/// One request that is being answered. Answers go out in the order of the requests, whatever
/// becomes ready first.
final class KafkaCall {
  let header: KafkaRequestHeader
  /// How large the request was, in bytes.
  let size: Int
  /// What is to be sent; `nil` while it is not known. Empty for a request without response.
  private(set) var pieces: [ByteBuffer]?
  /// Who asked; `nil` once the connection is gone.
  weak var session: KafkaSession?

  /// For how long the client is to be held back, for another reason than the time it took; in
  /// milliseconds.
  var throttleMilliseconds = 0
  /// Since when it is being worked on and that time was not taken, where time counts.
  private var workedSince: UInt64?

  /// Records beyond this size are sent from where they are.
  private static let gathersFrom = 32 << 10

  init(_ header: KafkaRequestHeader, size: Int, session: KafkaSession) {
    self.header = header
    self.size = size
    self.session = session
  }

  /// Answers, once.
  func answer<A: KafkaAPI>(_: A.Type, _ response: A.Response, version: Int16? = nil) {
    guard pieces == nil, let session else { return }
    var response = response
    hold(&response, session)
    do throws(KafkaWireError) {
      pieces = try A.encodePieces(
        response, correlationID: header.correlationID, version: version ?? header.version,
        gathersFrom: Self.gathersFrom)
      session.flushAnswers()
    } catch {
      session.fail(error)
    }
  }

  /// What one of very many answers that are ready at the same moment is worth, in the unit of
  /// `Engine.effort`.
  private static var answerEffort: UInt64 { 64 }

  /// Answers one of all members of a group, which are told something at the same moment.
  func answerInTurn<A: KafkaAPI>(_ api: A.Type, _ response: A.Response) {
    guard let engine = session?.engine else { return }
    engine.inTurn {
      engine.effort.pointee &+= Self.answerEffort
      self.answer(api, response)
    }
  }

  // MARK: Being held back

  /// Does something for the request. The loop's time that it takes is the client's (KIP-124).
  func work<E>(_ body: () throws(E) -> Void) throws(E) {
    guard workedSince == nil, let session, session.countsTime else { return try body() }
    workedSince = NIODeadline.now().uptimeNanoseconds
    defer {
      session.charge(.requests, takeTime(), self)
      workedSince = nil
    }
    try body()
  }

  /// For how long the request was worked on since the last time, in nanoseconds.
  func takeTime() -> Int {
    guard let since = workedSince else { return 0 }
    let now = NIODeadline.now().uptimeNanoseconds
    workedSince = now
    return Int(clamping: now - since)
  }

  /// Holds the client back that is beyond a quota, and has the response say so.
  private func hold<R>(_ response: inout R, _ session: KafkaSession) {
    if throttleMilliseconds > 0 {
      session.server.statistics.throttled &+= 1
      session.mute(for: throttleMilliseconds)
    }
    var held = throttleMilliseconds
    if session.countsTime { held = max(held, session.throttle(.requests, takeTime(), self)) }
    guard held > 0, var throttled = response as? any KafkaThrottledResponse else { return }
    throttled.throttleTimeMs = max(throttled.throttleTimeMs, Int32(clamping: held))
    if let said = throttled as? R { response = said }
  }

  /// Says that there will be no response.
  func answerNothing() {
    guard pieces == nil else { return }
    pieces = []
    session?.flushAnswers()
  }
}
