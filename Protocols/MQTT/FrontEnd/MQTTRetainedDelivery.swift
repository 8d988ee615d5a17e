import GodwitEngine
import GodwitFrontEndKit
import MQTTWire

/// Sends new subscriptions the retained messages that they match: so many in one turn of the loop,
/// and to one session after the other, so that nobody waits for somebody else's large answer.
final class MQTTRetainedDelivery {
  /// What one subscription still gets.
  struct Walk {
    let subscription: MQTTSubscription
    /// Which values there were when it was made.
    let number: UInt64
    var cursor: RetainedStore.Cursor?
  }

  /// Topics, and levels of topics, that one turn of the loop looks at.
  private static var stepsPerTurn: Int { 2_048 }
  /// How many of them for one session, before the next has its share.
  private static var stepsPerSession: Int { 512 }

  private let loop: Loop
  /// Sessions with walks; each is in here once.
  private var sessions: [MQTTSession] = []
  private var stepsLeft = MQTTRetainedDelivery.stepsPerTurn
  private var isScheduled = false

  init(loop: Loop) { self.loop = loop }

  /// Begins to send `subscription` what it matches: in this turn, as far as that goes.
  func begin(_ subscription: MQTTSubscription, _ session: MQTTSession) {
    if session.walks.isEmpty { sessions.append(session) }
    session.walks.append(
      Walk(subscription: subscription, number: session.tenant.retained.lastNumber, cursor: nil))
  }

  /// Goes on with what was begun.
  func run() {
    var served = 0
    while served < sessions.count, stepsLeft > 0 {
      let session = sessions[served]
      served += 1
      serve(session, min(stepsLeft, Self.stepsPerSession))
      if !session.walks.isEmpty { sessions.append(session) }
    }
    sessions.removeFirst(served)
    guard stepsLeft < Self.stepsPerTurn, !isScheduled else { return }
    isScheduled = true
    loop.later { [weak self] in
      guard let self else { return }
      isScheduled = false
      stepsLeft = Self.stepsPerTurn
      run()
    }
  }

  private func serve(_ session: MQTTSession, _ steps: Int) {
    var steps = steps
    while steps > 0, !session.walks.isEmpty {
      let walk = session.walks[0]
      let subscription = walk.subscription
      // Given up, or asked for again: then another walk brings everything.
      guard subscription.isActive else {
        session.walks.removeFirst()
        take(1, &steps)
        continue
      }
      let cursor =
        walk.cursor
        ?? session.tenant.retained.cursor(subscription.pattern, upTo: walk.number)
      let slice = min(steps, 64)
      let isMore = cursor.advance(slice) { session.take(retained: $0, subscription) }
      take(slice, &steps)
      // What was sent may have ended the session.
      guard session.walks.first?.subscription === subscription else { return }
      if isMore {
        session.walks[0].cursor = cursor
      } else {
        session.walks.removeFirst()
      }
    }
  }

  private func take(_ count: Int, _ steps: inout Int) {
    steps -= count
    stepsLeft -= count
  }
}
