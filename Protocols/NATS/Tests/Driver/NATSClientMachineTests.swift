import Godwit
import NIOCore
import Testing

@testable import GodwitNATS

/// The client's half by itself: bytes in, bytes and events out.
@Suite struct NATSClientMachineTests {
  /// A machine, what it says and what it reports.
  struct Bench {
    var machine: NATSClientMachine
    var events: [String] = []

    init(_ credentials: NATSCredentials = .none, wantsTLS: Bool = false) throws {
      self.machine = NATSClientMachine(
        login: try NATSLogin(credentials, name: "t"), wantsTLS: wantsTLS)
    }

    static func logged(_ info: String = "") throws -> Self {
      var bench = try Self()
      bench.machine.begin(isSecure: false)
      _ = try bench.hear("INFO {\"headers\":true,\"max_payload\":400\(info)}\r\n")
      _ = try bench.hear("PONG\r\n")
      bench.events = []
      return bench
    }

    /// What the machine answers to the server's words.
    mutating func hear(_ text: String) throws -> String {
      var input = ByteBuffer(string: text)
      var out = ByteBuffer()
      var events: [NATSClientMachine.Event] = []
      defer { self.note(events) }
      try self.machine.receive(&input, into: &out, events: &events)
      return String(buffer: out)
    }

    mutating func publish(_ token: UInt64?, _ topics: String...) throws -> String {
      var out = ByteBuffer()
      let messages = topics.map { Message(topic: $0, body: ByteBuffer(string: "b")) }
      try self.machine.publish(try NATSPublish(messages), token: token, into: &out)
      self.machine.endBurst(into: &out)
      return String(buffer: out)
    }

    mutating func subscribe(_ number: UInt64, _ pattern: String, _ group: String? = nil) -> String {
      var out = ByteBuffer()
      self.machine.subscribe(number, to: pattern, group: group, into: &out)
      return String(buffer: out)
    }

    mutating func end() {
      var events: [NATSClientMachine.Event] = []
      self.machine.end(events: &events)
      self.note(events)
    }

    private mutating func note(_ events: [NATSClientMachine.Event]) {
      var arrived = self.machine.takeArrived()[...]
      for event in events {
        switch event {
        case .learnt: break
        case .publishFailed(let tokens, let error):
          self.events.append("failed \(tokens) \(error.code)")
        case .subscriptionRefused(let number, let error):
          self.events.append("refused \(number) \(error.code)")
        case .subscriptionLost(let number, let error):
          self.events.append("lost \(number) \(error.code)")
        case .delivered(let number, let count):
          for incoming in arrived.prefix(count) {
            self.events.append(
              "delivered \(number) \(incoming.message.topic) "
                + (incoming.failure?.code.rawValue ?? ""))
          }
          arrived.removeFirst(count)
        case .warned(let text): self.events.append("warned \(text)")
        default: self.events.append("\(event)")
        }
      }
    }
  }

  @Test func loginComesBeforeSubscriptionsAndPublishes() throws {
    var bench = try Bench()
    bench.machine.begin(isSecure: false)
    #expect(bench.subscribe(1, "a.*", "g").isEmpty)
    #expect(try bench.publish(7, "x").isEmpty)
    let hello = try bench.hear("INFO {\"headers\":true,\"max_payload\":1000}\r\n")
    #expect(hello.hasPrefix("CONNECT {\"verbose\":false"))
    #expect(hello.hasSuffix("}\r\nPING\r\n"))
    #expect(try bench.hear("PONG\r\n") == "SUB a.* g 1\r\nPING\r\n")
    #expect(bench.events.isEmpty)
    let rest = try bench.hear("PONG\r\n")
    #expect(rest.hasPrefix("HPUB x "))
    #expect(rest.hasSuffix("PING\r\n"))
    #expect(bench.events == ["subscribed(1)", "connected"])
    #expect(try bench.hear("PONG\r\n").isEmpty)
    #expect(bench.events.last == "published([7])")
  }

  @Test func aSubscriptionDuringTheLoginIsNotConfirmedByItsPong() throws {
    var bench = try Bench()
    bench.machine.begin(isSecure: false)
    _ = try bench.hear("INFO {\"headers\":true}\r\n")
    #expect(bench.subscribe(1, "a").isEmpty)
    #expect(try bench.hear("PONG\r\n") == "SUB a 1\r\nPING\r\n")
    #expect(bench.events.isEmpty)
    // One that comes while others are made again waits for its own answer.
    #expect(bench.subscribe(2, "b") == "SUB b 2\r\nPING\r\n")
    _ = try bench.hear("PONG\r\n")
    #expect(bench.events == ["subscribed(1)", "connected"])
    _ = try bench.hear("PONG\r\n")
    #expect(bench.events == ["subscribed(1)", "connected", "subscribed(2)"])
  }

  @Test func publishersShareAConfirmation() throws {
    var bench = try Bench.logged()
    #expect(try bench.publish(1, "a").hasSuffix("PING\r\n"))
    #expect(try !bench.publish(2, "a").contains("PING"))
    #expect(try !bench.publish(3, "a").contains("PING"))
    #expect(try bench.hear("PONG\r\n") == "PING\r\n")
    #expect(bench.events == ["published([1])"])
    _ = try bench.hear("PONG\r\n")
    #expect(bench.events.last == "published([2, 3])")
  }

  @Test func whatWasWrittenIsUnconfirmedAndWhatWaitsGoesOn() throws {
    var bench = try Bench.logged()
    _ = try bench.publish(1, "a")
    _ = try bench.publish(2, "a")
    bench.end()
    #expect(bench.events == ["failed [1] unconfirmed", "failed [2] unconfirmed"])
    #expect(try bench.publish(3, "a").isEmpty)
    bench.machine.begin(isSecure: false)
    _ = try bench.hear("INFO {\"headers\":true}\r\n")
    #expect(try bench.hear("PONG\r\n").hasPrefix("HPUB a "))
    _ = try bench.hear("PONG\r\n")
    #expect(bench.events.last == "published([3])")
  }

  @Test func aRefusalMeansOneSubscription() throws {
    var bench = try Bench.logged()
    _ = bench.subscribe(1, "a.b")
    _ = try bench.hear("PONG\r\n")
    _ = bench.subscribe(2, "a.b", "g")
    _ = try bench.hear(
      "-ERR 'Permissions Violation for Subscription to \"a.b\" using queue \"g\"'\r\nPONG\r\n")
    #expect(bench.events == ["subscribed(1)", "refused 2 notPermitted"])
    _ = try bench.hear("MSG a.b 1 1\r\nx\r\n")
    #expect(bench.events.last == "delivered 1 a.b ")
  }

  @Test func aRefusalAfterReconnectingIsALoss() throws {
    var bench = try Bench.logged()
    _ = bench.subscribe(1, "a")
    _ = try bench.hear("PONG\r\n")
    bench.end()
    bench.machine.begin(isSecure: false)
    _ = try bench.hear("INFO {\"headers\":true}\r\nPONG\r\n")
    _ = try bench.hear("-ERR 'Permissions Violation for Subscription to \"a\"'\r\nPONG\r\n")
    #expect(bench.events == ["subscribed(1)", "lost 1 notPermitted", "connected"])
  }

  @Test func aRefusedPublishFails() throws {
    var bench = try Bench.logged()
    _ = try bench.publish(1, "a", "secret")
    _ = try bench.publish(2, "a")
    _ = try bench.publish(3, "secret")
    _ = try bench.hear("-ERR 'Permissions Violation for Publish to \"secret\"'\r\nPONG\r\n")
    #expect(bench.events.first == "failed [1, 3] notPermitted")
    #expect(bench.events.contains("published([])"))
    _ = try bench.hear("PONG\r\n")
    #expect(bench.events.last == "published([2])")
  }

  @Test func tooLargeIsRefusedHere() throws {
    var bench = try Bench.logged()
    let message = Message(topic: "a", body: ByteBuffer(repeating: 1, count: 401))
    let publish = try NATSPublish([message])
    var out = ByteBuffer()
    let error = #expect(throws: GodwitError.self) {
      try bench.machine.publish(publish, token: 1, into: &out)
    }
    #expect(error?.code == .tooLarge)
    #expect(out.readableBytes == 0)
  }

  @Test func nobodyThereIsAFailureAndNoMessage() throws {
    var bench = try Bench.logged()
    _ = bench.subscribe(1, "_INBOX.x.*")
    _ = try bench.hear("PONG\r\nHMSG _INBOX.x.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n")
    #expect(bench.events.last == "delivered 1 _INBOX.x.1 noResponders")
  }

  @Test func thePongBehindAnUnsubscriptionEndsIt() throws {
    var bench = try Bench.logged()
    _ = bench.subscribe(1, "a")
    _ = try bench.hear("PONG\r\n")
    var out = ByteBuffer()
    var events: [NATSClientMachine.Event] = []
    bench.machine.unsubscribe(1, into: &out, events: &events)
    #expect(String(buffer: out) == "UNSUB 1\r\nPING\r\n")
    _ = try bench.hear("MSG a 1 1\r\nx\r\nPONG\r\nMSG a 1 1\r\nx\r\n")
    #expect(bench.events == ["subscribed(1)", "delivered 1 a ", "unsubscribed(1)"])
  }

  @Test func tlsBeginsBeforeAnySecretIsSaid() throws {
    var bench = try Bench(.user("u", password: "p"), wantsTLS: true)
    bench.machine.begin(isSecure: false)
    #expect(try bench.hear("INFO {\"headers\":true,\"tls_available\":true}\r\n").isEmpty)
    #expect(bench.events == ["secure"])
    var out = ByteBuffer()
    try bench.machine.secured(into: &out)
    #expect(String(buffer: out).contains("\"user\":\"u\",\"pass\":\"p\""))
    #expect(String(buffer: out).contains("\"tls_required\":true"))
  }

  @Test func whoeverSpeaksBetweenInfoAndTLSIsNotHeard() throws {
    var bench = try Bench(wantsTLS: true)
    bench.machine.begin(isSecure: false)
    #expect(throws: GodwitError.self) {
      try bench.hear("INFO {\"headers\":true,\"tls_required\":true}\r\nPING\r\n")
    }
  }

  @Test(arguments: [
    ("INFO {\"headers\":true}\r\n", true, GodwitError.Code.disconnected),
    ("INFO {\"version\":\"2.1.0\"}\r\n", false, .unsupported),
    ("INFO nonsense\r\n", false, .disconnected),
    ("HTTP/1.1 400 Bad Request\r\n", false, .disconnected),
    ("-ERR 'Authorization Violation'\r\n", false, .notPermitted),
    ("-ERR 'Authentication Timeout'\r\n", false, .notPermitted),
    ("-ERR 'maximum connections exceeded'\r\n", false, .disconnected),
  ])
  func serversThatCannotBeUsed(_ text: String, _ wantsTLS: Bool, _ code: GodwitError.Code) throws {
    var bench = try Bench(wantsTLS: wantsTLS)
    bench.machine.begin(isSecure: false)
    let error = #expect(throws: GodwitError.self) { try bench.hear(text) }
    #expect(error?.code == code)
  }

  @Test func aNonceIsSigned() throws {
    let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
    var bench = try Bench(.nkey(seed: seed))
    bench.machine.begin(isSecure: false)
    let hello = try bench.hear("INFO {\"headers\":true,\"nonce\":\"abc\"}\r\n")
    #expect(hello.contains("\"nkey\":\"U"))
    #expect(hello.contains("\"sig\":\""))
    #expect(!hello.contains(seed))
  }

  @Test func credentialsAreTakenApart() throws {
    let text = """
      -----BEGIN NATS USER JWT-----
      eyJ0.eyJq.c2ln
      ------END NATS USER JWT------

      -----BEGIN USER NKEY SEED-----
      SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY
      ------END USER NKEY SEED------
      """
    var bench = try Bench(.credentials(text))
    bench.machine.begin(isSecure: false)
    let hello = try bench.hear("INFO {\"headers\":true,\"nonce\":\"abc\"}\r\n")
    #expect(hello.contains("\"jwt\":\"eyJ0.eyJq.c2ln\""))
    #expect(hello.contains("\"sig\":\""))
    #expect(!hello.contains("\"nkey\""))
  }

  @Test(arguments: [
    NATSCredentials.nkey(seed: "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VZ"),
    .nkey(seed: ""), .credentials("nothing"),
  ])
  func brokenCredentialsAreRefused(_ credentials: NATSCredentials) {
    #expect(throws: GodwitError.self) { try Bench(credentials) }
  }

  /// Whatever a server says, in whatever pieces: no trap, and nothing but typed errors.
  @Test func hostileServers() throws {
    let words = [
      "INFO {\"headers\":true}\r\n", "PONG\r\n", "PING\r\n", "+OK\r\n", "MSG a 1 3\r\nabc\r\n",
      "HMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n", "-ERR 'Slow Consumer'\r\n",
      "MSG a 99999999999999 0\r\n\r\n",
      "MSG a x 0\r\n\r\n", "HMSG a 1 99 12\r\n", "-ERR\r\n", "INFO {}\r\n",
      "-ERR 'Permissions Violation for Subscription to \"'\r\n", "\u{0}\u{1}", "MSG a 1 -1\r\n",
      "INFO {\"headers\":true,\"connect_urls\":[\"x\",\"[::\",\":1\"],\"ldm\":true}\r\n",
    ]
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      var bench = try Bench()
      bench.machine.begin(isSecure: false)
      _ = bench.subscribe(1, "a")
      _ = try bench.publish(1, "a")
      do {
        for _ in 0..<Int.random(in: 1...20, using: &generator) {
          _ = try bench.hear(words.randomElement(using: &generator) ?? "")
        }
      } catch is GodwitError {
        bench.end()
      }
    }
  }

  @Test func nothingMakesAnEndingSubscriptionAgain() throws {
    var bench = try Bench.logged()
    _ = bench.subscribe(1, "a", "g")
    _ = try bench.hear("PONG\r\n")
    var out = ByteBuffer()
    var events: [NATSClientMachine.Event] = []
    bench.machine.unsubscribe(1, into: &out, events: &events)
    #expect(String(buffer: out) == "UNSUB 1\r\nPING\r\n")
    // The end of a pause that comes too late would leave the server a member that nobody is.
    out.clear()
    bench.machine.setPaused(false, 1, into: &out)
    #expect(out.readableBytes == 0)
    // Nor does the next connection.
    bench.end()
    bench.machine.begin(isSecure: false)
    _ = try bench.hear("INFO {\"headers\":true}\r\n")
    #expect(try bench.hear("PONG\r\n").isEmpty)
  }

  @Test func whatWaitsCanBeTakenBackInAnyOrder() throws {
    var bench = try Bench()
    for token in 1...400 { _ = try bench.publish(UInt64(token), "t\(token)") }
    _ = try bench.publish(nil, "sent")
    for token in 1...400 where token % 4 != 0 {
      let first = bench.machine.withdraw(UInt64(token))
      let second = bench.machine.withdraw(UInt64(token))
      #expect(first && !second)
    }
    bench.machine.begin(isSecure: false)
    _ = try bench.hear("INFO {\"headers\":true}\r\n")
    let written = try bench.hear("PONG\r\n")
    let topics = written.split(separator: "\r\n").filter { $0.hasPrefix("HPUB") }
      .map { $0.split(separator: " ")[1] }
    #expect(topics == (1...100).map { "t\($0 * 4)" } + ["sent"])
    #expect(bench.machine.waitingBytes == 0)
  }
}
