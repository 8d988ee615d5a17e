import GodwitEngine
import GodwitFrontEndKit
import GodwitWireTesting
import Testing

@testable import NATSFrontEnd

/// Tokens put in come out exactly once: every message reaches each subscription that should get it,
/// in its publisher's order, whatever else the sessions do.
@Suite struct NATSConservationTests {
  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func everyMessageComesOutOnce(_ number: UInt64) throws {
    let seed = FuzzEffort.seed(number)
    var town = try Town(seed: seed)
    for _ in 0..<FuzzEffort.rounds(400) { try town.step() }
    town.checkEmptied()
  }
}

/// Some sessions, and a model of what they should receive.
private struct Town {
  /// What the model knows of one subscription.
  private struct Held {
    var pattern: [Substring]
    var queue: String?
    var delivered = 0
    var max: Int?
  }

  /// One session with its subscriptions by sid.
  private struct Citizen {
    var client: TestClient
    var held: [Int: Held] = [:]
    var nextSid = 1
    var echoes: Bool
  }

  private static let subjects = ["a", "b", "a.a", "a.b", "b.c", "a.b.c", "_INBOX.x", "d"]
  private static let patterns =
    subjects + ["*", "a.*", "*.b", "a.>", ">", "*.*", "a.*.c", "*.>"]
  private static let queues: [String?] = [nil, nil, "q", "r"]

  private let seed: UInt64
  private let rig: NATSRig
  private var random: SplitMix64
  private var citizens: [Citizen] = []
  private var published = 0
  private var log: [String] = []

  init(seed: UInt64) throws {
    self.seed = seed
    self.random = SplitMix64(seed: seed)
    self.rig = try NATSRig()
    for _ in 0..<4 { try self.arrive() }
  }

  private var comment: Comment { "seed \(self.seed), at the end of \(self.log.suffix(12))" }

  private mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self.random) }

  private mutating func arrive() throws {
    let echoes = self.pick(4) > 0
    let client = try self.rig.client(#"{"verbose":false,"headers":true,"echo":\#(echoes)}"#)
    self.citizens.append(Citizen(client: client, echoes: echoes))
  }

  private mutating func say(_ index: Int, _ text: String) {
    self.log.append("\(index): \(text.replacing("\r\n", with: " "))")
    self.citizens[index].client.send(text)
  }

  // MARK: Steps

  mutating func step() throws {
    let index = self.pick(self.citizens.count)
    switch self.pick(20) {
    case 0..<6: self.subscribe(index)
    case 6..<8: self.unsubscribe(index)
    case 8: self.leave(index)
    case 9: if self.citizens.count < 7 { try self.arrive() }
    case 10:
      // A second CONNECT drops what there is.
      self.say(index, "CONNECT {}\r\n")
      self.citizens[index].held = [:]
    default: self.publish(index)
    }
    self.checkCounts()
  }

  private mutating func subscribe(_ index: Int) {
    guard self.citizens[index].held.count < 6 else { return }
    let pattern = Self.patterns[self.pick(Self.patterns.count)]
    let queue = Self.queues[self.pick(Self.queues.count)]
    let sid = self.citizens[index].nextSid
    self.citizens[index].nextSid += 1
    self.citizens[index].held[sid] = Held(pattern: pattern.split(separator: "."), queue: queue)
    self.say(index, "SUB \(pattern) \(queue.map { "\($0) " } ?? "")\(sid)\r\n")
  }

  private mutating func unsubscribe(_ index: Int) {
    let sids = self.citizens[index].held.keys.sorted()
    guard !sids.isEmpty else { return }
    let sid = sids[self.pick(sids.count)]
    let max = self.pick(4)
    self.say(index, max == 0 ? "UNSUB \(sid)\r\n" : "UNSUB \(sid) \(max)\r\n")
    if max > self.citizens[index].held[sid]?.delivered ?? 0 {
      self.citizens[index].held[sid]?.max = max
    } else {
      self.citizens[index].held[sid] = nil
    }
  }

  private mutating func leave(_ index: Int) {
    guard self.citizens.count > 2 else { return }
    self.log.append("\(index) leaves")
    self.citizens[index].client.disconnect()
    self.citizens.remove(at: index)
  }

  /// Publishes some messages in one go, and checks who got them.
  private mutating func publish(_ index: Int) {
    var text = ""
    var sent: [(number: Int, subject: String)] = []
    for _ in 0...self.pick(4) {
      self.published += 1
      let subject = Self.subjects[self.pick(Self.subjects.count)]
      let payload = String(self.published)
      text += "PUB \(subject) \(payload.utf8.count)\r\n\(payload)\r\n"
      sent.append((self.published, subject))
    }
    self.say(index, text)
    var received = self.citizens.map { Self.deliveries($0.client.received()) }
    for (number, subject) in sent { self.check(number, subject, from: index, &received) }
    // Nothing came that nobody sent.
    #expect(received.allSatisfy { $0.isEmpty }, self.comment)
  }

  /// The payload numbers received, by sid, in order.
  private static func deliveries(_ text: String) -> [(sid: Int, number: Int)] {
    let lines = text.split(separator: "\r\n")
    return stride(from: 0, to: lines.count - 1, by: 2).map { index in
      let words = lines[index].split(separator: " ")
      guard words.count == 4, words[0] == "MSG" else { return (-1, -1) }
      return (Int(words[2]) ?? -1, Int(lines[index + 1]) ?? -1)
    }
  }

  // MARK: The model

  /// Takes the deliveries of one message out of what was received: one for each plain
  /// subscription, one for each group.
  private mutating func check(
    _ number: Int, _ subject: String, from publisher: Int,
    _ received: inout [[(sid: Int, number: Int)]]
  ) {
    let words = subject.split(separator: ".")
    var groups: [String: Int] = [:]
    for index in self.citizens.indices {
      let mayReceive = index != publisher || self.citizens[index].echoes
      for (sid, held) in self.citizens[index].held.sorted(by: { $0.key < $1.key })
      where Self.matches(held.pattern[...], words[...]) {
        let count = Self.take(&received[index], sid, number)
        if let queue = held.queue {
          #expect(count == 0 || mayReceive, self.comment)
          groups[queue, default: 0] += count
          if mayReceive { groups[queue + " has members", default: 0] += 1 }
        } else {
          #expect(count == (mayReceive ? 1 : 0), self.comment)
        }
        self.count(count, index, sid)
      }
    }
    for queue in Self.queues.compactMap({ $0 }) {
      let isThere = groups[queue + " has members"] != nil
      #expect(groups[queue, default: 0] == (isThere ? 1 : 0), self.comment)
    }
  }

  private mutating func count(_ deliveries: Int, _ index: Int, _ sid: Int) {
    guard var held = self.citizens[index].held[sid] else { return }
    held.delivered += deliveries
    self.citizens[index].held[sid] = held.delivered == held.max ? nil : held
  }

  /// How often `number` came first in line for `sid`: messages of one publisher keep their order.
  private static func take(
    _ received: inout [(sid: Int, number: Int)], _ sid: Int, _ number: Int
  ) -> Int {
    var count = 0
    while let first = received.firstIndex(where: { $0.sid == sid }),
      received[first].number == number
    {
      received.remove(at: first)
      count += 1
    }
    return count
  }

  private static func matches(_ pattern: ArraySlice<Substring>, _ words: ArraySlice<Substring>)
    -> Bool
  {
    guard let first = pattern.first else { return words.isEmpty }
    guard let word = words.first else { return false }
    if first == ">" { return true }
    guard first == "*" || first == word else { return false }
    return self.matches(pattern.dropFirst(), words.dropFirst())
  }

  // MARK: Counts

  private var router: Router { self.rig.engine.tenant(named: "default").router }

  private func checkCounts() {
    let held = self.citizens.reduce(0) { $0 + $1.held.count }
    #expect(self.router.subscriptionCount == held, self.comment)
    for citizen in self.citizens {
      #expect(citizen.client.session?.receiver?.subscriptions.count == citizen.held.count)
      #expect(citizen.client.connection.pendingBytes == 0, self.comment)
    }
  }

  mutating func checkEmptied() {
    for citizen in self.citizens { citizen.client.disconnect() }
    #expect(self.published > 0)
    #expect(self.router.subscriptionCount == 0, self.comment)
    #expect(self.rig.frontEnd.sessions.isEmpty, self.comment)
    #expect(self.rig.loop.connections.count == 0, self.comment)
    #expect(self.rig.engine.memory.used == 0, self.comment)
    #expect(self.rig.frontEnd.traffic.messagesIn == UInt64(self.published), self.comment)
  }
}
