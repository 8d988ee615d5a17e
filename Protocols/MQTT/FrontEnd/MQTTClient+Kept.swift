import GodwitEngine
import GodwitFrontEndKit
import MQTTWire

/// Answers to messages that streams keep: they wait until the message is as durable as promised,
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
  private static var notKept: StaticString { "the message could not be kept" }

  /// Answers a message that streams were offered, when they have it.
  func answer(
    _ view: MQTTPublishView, _ reason: MQTTReasonCode, kept captures: [Capture],
    _ session: MQTTSession
  ) {
    let answers = self.answers ?? MQTTAnswers()
    self.answers = answers
    let packetID = view.packetID
    if captures.refusal != nil {
      // Who can be told is told; an older client must not take the message for kept.
      session.unreleased.remove(packetID)
      guard self.version == .v5 else {
        self.disconnect(.quotaExceeded, .protocolError, "\(Self.notKept)")
        return
      }
      _ = answers.append(packetID, view.qos, .quotaExceeded, Self.notKept)
      self.drainAnswers()
      return
    }
    let place = answers.append(packetID, view.qos, nil, "")
    captures.whenCommitted { [weak self] error in
      if error != nil { session.unreleased.remove(packetID) }
      guard let self, self.phase == .connected else { return }
      if error == nil {
        answers.settle(place, reason, "")
      } else if self.version == .v5 {
        answers.settle(place, .quotaExceeded, Self.notKept)
      } else {
        self.disconnect(.quotaExceeded, .protocolError, "\(Self.notKept)")
        return
      }
      self.drainAnswers()
    }
  }

  private func drainAnswers() {
    self.answers?.drain { packetID, qos, reason, message in
      self.acknowledge(qos == .exactlyOnce ? .pubrec : .puback, packetID, reason, message)
    }
  }
}
