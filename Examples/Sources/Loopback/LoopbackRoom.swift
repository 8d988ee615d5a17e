import Godwit
import GodwitDriverKit

/// Who is there, and who gets what.
struct LoopbackRoom {
  private struct Place {
    let request: SubscriptionRequest
    let window: DeliveryWindow
    var isPaused = false
  }

  private var places: [UInt64: Place] = [:]
  private var count: UInt64 = 0
  private(set) var isClosed = false

  mutating func add(_ request: SubscriptionRequest, _ window: DeliveryWindow) -> UInt64 {
    self.count += 1
    self.places[self.count] = Place(request: request, window: window)
    return self.count
  }

  mutating func remove(_ number: UInt64) { self.places[number] = nil }

  mutating func setPaused(_ isPaused: Bool, _ number: UInt64) {
    self.places[number]?.isPaused = isPaused
  }

  mutating func close() -> [DeliveryWindow] {
    defer { self.places = [:] }
    self.isClosed = true
    return self.places.values.map(\.window)
  }

  /// Hands a message to everybody who matches, and to one member of each group.
  mutating func deliver(_ message: Message) -> Int {
    let matching = self.places.values.filter {
      !$0.isPaused && Self.matches($0.request.pattern, message.topic)
    }
    let groups = Dictionary(grouping: matching.filter { $0.request.group != nil }) {
      [$0.request.pattern, $0.request.group ?? ""]
    }
    let chosen =
      matching.filter { $0.request.group == nil } + groups.values.compactMap { $0.randomElement() }
    for place in chosen {
      self.count += 1
      _ = place.window.receive([IncomingMessage(message: message, token: self.count)])
    }
    return chosen.count
  }

  private static func matches(_ pattern: String, _ topic: String) -> Bool {
    var levels = topic.split(separator: ".")[...]
    for part in pattern.split(separator: ".") {
      guard let level = levels.popFirst() else { return false }
      if part == ">" { return true }
      guard part == "*" || part == level else { return false }
    }
    return levels.isEmpty
  }
}
