import GodwitEngine
import GodwitFrontEndKit
import MQTTWire

/// Answers to messages that somebody keeps: they wait until the message is as durable as promised,
/// and later answers wait behind them (MQTT 5.0, 4.6).
final class MQTTAnswers {
  private struct Answer {
    var packetID: UInt16
    var qos: MQTTQoS
    /// What is answered; `nil` as long as nobody knows.
    var reason: MQTTReasonCode?
    var message: StaticString = ""
  }

  private var waiting: [Answer] = []
  private var first = 0

  /// Whether an answer has to wait behind others.
  var isEmpty: Bool { self.waiting.isEmpty }

  /// Adds an answer, and says where it is.
  func append(
    _ packetID: UInt16, _ qos: MQTTQoS, _ reason: MQTTReasonCode?, _ message: StaticString
  ) -> Int {
    self.waiting.append(Answer(packetID: packetID, qos: qos, reason: reason, message: message))
    return self.first + self.waiting.count - 1
  }

  /// The answer is known now.
  func settle(_ place: Int, _ reason: MQTTReasonCode, _ message: StaticString) {
    let index = place - self.first
    guard self.waiting.indices.contains(index) else { return }
    self.waiting[index].reason = reason
    self.waiting[index].message = message
  }

  /// Hands out what can be answered, in order.
  func drain(_ body: (UInt16, MQTTQoS, MQTTReasonCode, StaticString) -> Void) {
    var count = 0
    while count < self.waiting.count, let reason = self.waiting[count].reason {
      let answer = self.waiting[count]
      count += 1
      body(answer.packetID, answer.qos, reason, answer.message)
    }
    self.waiting.removeFirst(count)
    self.first += count
  }
}

extension MQTTClient {
  static var notKept: StaticString { "the message could not be kept" }

  /// Answers a message that was offered to those who keep messages, when they have it.
  func answer(
    _ view: MQTTPublishView, _ reason: MQTTReasonCode, kept: Kept, _ session: MQTTSession
  ) {
    let packetID = view.packetID
    let isExactlyOnce = view.qos == .exactlyOnce
    let place = wait(view)
    if isExactlyOnce { session.undecided[packetID] = [] }
    kept.whenCommitted { error in
      let failure = error ?? (kept.isRefused ? Self.refused : nil)
      if isExactlyOnce {
        if failure != nil { session.forget(packetID) }
        let others = session.undecided.removeValue(forKey: packetID) ?? []
        for other in others { other(failure) }
      }
      self.settle(place, reason, failure)
    }
  }

  /// Answers a QoS 2 message that has come before: when the first is kept, which may have come by
  /// another connection.
  func answerAgain(_ view: MQTTPublishView, _ session: MQTTSession) {
    guard session.undecided[view.packetID] != nil else { return answer(view, .success) }
    let place = wait(view)
    session.undecided[view.packetID]?.append { self.settle(place, .success, $0) }
  }

  private static var refused: EngineError { EngineError(.quotaExceeded, "\(Self.notKept)") }

  private func wait(_ view: MQTTPublishView) -> Int {
    let answers = self.answers ?? MQTTAnswers()
    self.answers = answers
    return answers.append(view.packetID, view.qos, nil, "")
  }

  private func settle(_ place: Int, _ reason: MQTTReasonCode, _ failure: EngineError?) {
    guard self.phase == .connected, let answers = self.answers else { return }
    if failure == nil {
      answers.settle(place, reason, "")
    } else if self.version == .v5 {
      answers.settle(place, .quotaExceeded, Self.notKept)
    } else {
      // An older client cannot be told, and must not take the message for kept.
      self.disconnect(.quotaExceeded, .protocolError, "\(Self.notKept)")
      return
    }
    answers.drain { packetID, qos, reason, message in
      self.acknowledge(qos == .exactlyOnce ? .pubrec : .puback, packetID, reason, message)
    }
  }
}
