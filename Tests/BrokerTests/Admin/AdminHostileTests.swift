import GodwitEngine
import GodwitFrontEndKit
import GodwitWire
import Testing

@testable import GodwitBroker

@Suite struct AdminHostileTests {
  private let change = ["Content-Type: application/json"]

  @Test(arguments: [
    "evil.example", "evil.example:8222", "127.0.0.1.evil.example", "localhost.evil.example",
    "256.0.0.1", "1.2.3", "[::1].evil.example", "0x7f000001", "",
  ])
  func foreignNamesAreRefused(_ host: String) async throws {
    try await AdminHarness.run { harness in
      let reply = try harness.connect().request("GET", "/api/overview", host: host)
      #expect(reply.status == 403 || reply.status == 400, "\(host) answered \(reply.status)")
      #expect(reply.json["protocols"] == nil)
    }
  }

  @Test(arguments: [
    "localhost", "LOCALHOST:1", "127.0.0.1:8222", "10.1.2.3", "[::1]:80", "[fe80::1]",
    "broker.example", "Broker.Example.:99",
  ])
  func ownNamesAndAddressesAreServed(_ host: String) async throws {
    try await AdminHarness.run(hostNames: ["Broker.Example"]) { harness in
      let answered = try harness.connect().request("GET", "/varz", host: host)
      #expect(answered.status == 200)
    }
  }

  @Test func aRequestWithoutOrWithTwoHostsIsRefused() async throws {
    try await AdminHarness.run { harness in
      let without = try harness.connect()
      try without.socket.send("GET /varz HTTP/1.1\r\n\r\n")
      #expect(try without.reply().status == 400)
      let twice = try harness.connect()
      #expect(try twice.request("GET", "/varz", headers: ["Host: localhost"]).status == 400)
      let old = try harness.connect()
      try old.socket.send("GET /varz HTTP/1.0\r\n\r\n")
      #expect(try old.socket.readToEnd().contains(" 200 "))
    }
  }

  @Test func aTargetWithSchemeAndAuthorityIsTaken() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      #expect(try client.request("GET", "http://localhost/varz").status == 200)
      #expect(try client.request("GET", "HTTP://localhost:1/varz?a=b", host: "x").status == 200)
      #expect(try client.request("GET", "http://localhost?a=b").status == 200)
      // What it says counts, not the Host beside it.
      #expect(try client.request("GET", "http://evil.example/varz").status == 403)
      #expect(try client.request("GET", "ftp://localhost/varz").status == 404)
    }
  }

  @Test func formsOfOtherSitesChangeNothing() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      let body = #"{"topic":"a"}"#
      for type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let reply = try client.request(
          "POST", "/api/publish", headers: ["Content-Type: \(type)"], body: body)
        #expect(reply.status == 415)
      }
      #expect(try client.request("POST", "/api/publish", body: body).status == 415)
      let foreign = ["Origin: http://evil.example"]
      #expect(
        try client.request("POST", "/api/publish", headers: self.change + foreign, body: body)
          .status == 403)
      let null = ["Origin: null"]
      #expect(
        try client.request("POST", "/api/publish", headers: self.change + null, body: body).status
          == 403)
      let crossSite = ["Sec-Fetch-Site: cross-site"]
      #expect(try client.request("GET", "/api/tap", headers: crossSite).status == 403)
      #expect(try client.request("GET", "/", headers: crossSite).status == 200)
      #expect(try client.request("DELETE", "/api/connections/1").status == 415)
      #expect(try await harness.onLoop { $0.loop.engine.counters.published } == 0)
      let own = ["Origin: http://127.0.0.1", "Sec-Fetch-Site: same-origin"]
      #expect(
        try client.request("POST", "/api/publish", headers: self.change + own, body: body).status
          == 200)
      #expect(try await harness.onLoop { $0.loop.engine.counters.published } == 1)
    }
  }

  @Test func bodiesAreBounded() async throws {
    try await AdminHarness.run { harness in
      let announced = try harness.connect()
      try announced.socket.send(
        "POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
          + "Content-Length: 1048577\r\n\r\n")
      let reply = try announced.reply()
      #expect(reply.status == 413)
      #expect(reply.headers["connection"] == "close")
      let chunked = try harness.connect()
      try chunked.socket.send(
        "POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
          + "Transfer-Encoding: chunked\r\n\r\n")
      let chunk = "10000\r\n" + String(repeating: "x", count: 65_536) + "\r\n"
      // The server answers and closes somewhere on the way.
      for _ in 0..<40 { if (try? chunked.socket.send(chunk)) == nil { break } }
      let answer = (try? chunked.socket.readToEnd()) ?? ""
      #expect(answer.isEmpty || answer.contains(" 413 "))
      let answered = try harness.connect().request("GET", "/healthz")
      #expect(answered.status == 200)
      #expect(try await harness.onLoop { $0.loop.engine.counters.published } == 0)
    }
  }

  @Test func aBodyOfTheGreatestSizeIsTaken() async throws {
    try await AdminHarness.run { harness in
      let shell = #"{"topic":"a","payload":""}"#
      let payload = String(repeating: "x", count: (1 << 20) - shell.utf8.count)
      let reply = try harness.connect().post(
        "/api/publish", #"{"topic":"a","payload":""# + payload + #""}"#)
      #expect(reply.status == 200)
      #expect(reply.json["bytes"]?.integer == Int64(payload.utf8.count))
    }
  }

  @Test func headsAreBounded() async throws {
    try await AdminHarness.run { harness in
      let filler = String(repeating: "a", count: 40_000)
      let attacks = [
        "GET /\(filler) HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /varz HTTP/1.1\r\nHost: localhost\r\nX: \(filler)\r\n\r\n",
        "GET /varz HTTP/1.1\r\nHost: localhost\r\n"
          + (0..<500).map { "X\($0): 1\r\n" }.joined() + "\r\n",
      ]
      for attack in attacks {
        let client = try harness.connect()
        try? client.socket.send(attack)
        let answer = (try? client.socket.readToEnd()) ?? ""
        #expect(!answer.contains(" 200 "))
      }
      let answered = try harness.connect().request("GET", "/healthz")
      #expect(answered.status == 200)
    }
  }

  @Test(arguments: [
    "\r\n\r\n", "GARBAGE\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
    "POST /api/publish HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "POST /api/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "POST /api/publish HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "GET /varz HTTP/1.1\r\nHost : localhost\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}",
    "INFO {}\r\nPING\r\n", "GET /\u{0} HTTP/1.1\r\nHost: localhost\r\n\r\n",
  ])
  func garbageEndsItsOwnConnectionOnly(_ text: String) async throws {
    var limits = AdminLimits.defaults
    limits.requestSeconds = 1
    try await AdminHarness.run(limits: limits) { harness in
      let other = try harness.connect()
      #expect(try other.request("GET", "/healthz").status == 200)
      let client = try harness.connect()
      try client.socket.send(text)
      let answer = try client.socket.readToEnd()
      #expect(!answer.contains(" 200 "), "\(answer)")
      #expect(try other.request("GET", "/healthz").status == 200)
    }
  }

  @Test func slowRequestsAreCutOff() async throws {
    var limits = AdminLimits.defaults
    limits.requestSeconds = 1
    limits.idleSeconds = 1
    try await AdminHarness.run(limits: limits) { harness in
      let silent = try harness.connect()
      let partial = try harness.connect()
      try partial.socket.send("POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-")
      let body = try harness.connect()
      try body.socket.send(
        "POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345")
      let idle = try harness.connect()
      #expect(try idle.request("GET", "/healthz").status == 200)
      for client in [silent, partial, body, idle] {
        #expect(try client.socket.readToEnd() == "")
      }
    }
  }

  @Test func connectionsAreBounded() async throws {
    var limits = AdminLimits.defaults
    limits.connectionsMax = 4
    try await AdminHarness.run(limits: limits) { harness in
      var clients: [AdminClient] = []
      for _ in 0..<4 {
        let client = try harness.connect()
        #expect(try client.request("GET", "/healthz").status == 200)
        clients.append(client)
      }
      // The first begins another request, and is no longer the one that has waited longest.
      #expect(try clients[0].request("GET", "/healthz").status == 200)
      let fifth = try harness.connect()
      #expect(try fifth.request("GET", "/healthz").status == 200)
      #expect(try clients[1].socket.readToEnd() == "")
      for client in [clients[0], clients[2], clients[3], fifth] {
        #expect(try client.request("GET", "/healthz").status == 200)
      }
      #expect(try await harness.onLoop { $0.server?.connectionCount } == 4)
    }
  }

  @Test func slowBodiesDoNotKeepProbesOut() async throws {
    var limits = AdminLimits.defaults
    limits.connectionsMax = 8
    try await AdminHarness.run(limits: limits) { harness in
      var slow: [AdminClient] = []
      for _ in 0..<20 {
        let client = try harness.connect()
        try client.socket.send(
          "POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n1")
        slow.append(client)
      }
      #expect(try harness.connect().request("GET", "/healthz").status == 200)
    }
  }

  @Test func whoWatchesIsNotEndedForSomebodyNew() async throws {
    var limits = AdminLimits.defaults
    limits.connectionsMax = 2
    try await AdminHarness.run(limits: limits) { harness in
      let viewer = try harness.connect()
      try viewer.socket.send("GET /api/tap?pattern=%3E HTTP/1.1\r\nHost: localhost\r\n\r\n")
      _ = try viewer.socket.read(until: "\r\n\r\n")
      var others: [AdminClient] = []
      for _ in 0..<5 {
        others.append(try harness.connect())
        #expect(try others[others.count - 1].request("GET", "/healthz").status == 200)
      }
      _ = try others[others.count - 1].post("/api/publish", #"{"topic":"a.b"}"#)
      #expect(try viewer.socket.read(until: "a.b").contains("a.b"))
    }
  }

  @Test func whoAsksAndDoesNotReadIsKeptWaiting() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      // Far more answers than sockets hold; sending stops when nobody takes the requests.
      let requests = String(repeating: "GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 500)
      #expect(throws: (any Error).self) {
        for _ in 0..<2_000 { try client.socket.send(requests) }
      }
      let answered = try await harness.onLoop { $0.server?.requests ?? 0 }
      #expect(answered < 5_000, "\(answered)")
      #expect(try harness.connect().request("GET", "/healthz").status == 200)
    }
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      let requests = (0..<50).map { "GET /varz?subs=\($0) HTTP/1.1\r\nHost: localhost\r\n\r\n" }
      try client.socket.send(requests.joined())
      for number in 0..<50 {
        #expect(try client.reply().json["subs"]?.string == "\(number)")
      }
    }
  }

  @Test func continueIsSaidWhenAsked() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      try client.socket.send(
        "POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
          + "Content-Length: 13\r\nExpect: 100-continue\r\n\r\n")
      #expect(try client.socket.read(until: "\r\n\r\n").contains("100 Continue"))
      try client.socket.send(#"{"topic":"a"}"#)
      #expect(try client.reply().status == 200)
    }
  }

  @Test func credentialsAreDemandedAndRemembered() async throws {
    let secret = (user: "ops", password: "pass:word", token: "token-1")
    try await AdminHarness.run(secret: secret) { harness in
      let client = try harness.connect()
      let bare = try client.request("GET", "/api/overview")
      #expect(bare.status == 401)
      #expect(bare.headers["www-authenticate"]?.hasPrefix("Basic ") == true)
      #expect(try client.request("GET", "/").status == 401)
      #expect(try client.request("GET", "/metrics").status == 401)
      #expect(try client.request("GET", "/healthz").status == 200)
      #expect(try client.request("GET", "/readyz").status == 200)
      let right = "Authorization: Basic " + Base64.encode(Array("ops:pass:word".utf8))
      for _ in 0..<100 {
        #expect(try client.request("GET", "/api/overview", headers: [right]).status == 200)
      }
      let token = "Authorization: Bearer token-1"
      #expect(
        try client.request("GET", "/varz", headers: [token], host: "any.example").status == 200)
      for wrong in [
        "Basic " + Base64.encode(Array("ops:pass".utf8)), "Bearer token-2", "Basic !",
        "Digest x", "Bearer", "Basic " + Base64.encode(Array("opspassword".utf8)),
      ] {
        let reply = try client.request("GET", "/varz", headers: ["Authorization: \(wrong)"])
        #expect(reply.status == 401, "\(wrong) answered \(reply.status)")
      }
    }
  }

  @Test func newSettingsHoldForTheNextRequest() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      #expect(try client.request("GET", "/varz").status == 200)
      try await harness.onLoop {
        $0.server?.update(access: AdminAccess(token: "t"), hostNames: [])
      }
      let right = ["Authorization: Bearer t"]
      #expect(try client.request("GET", "/varz").status == 401)
      #expect(try client.request("GET", "/varz", headers: right).status == 200)
      try await harness.onLoop {
        $0.server?.update(access: AdminAccess(token: "new"), hostNames: [])
      }
      #expect(try client.request("GET", "/varz", headers: right).status == 401)
      try await harness.onLoop { $0.server?.update(access: nil, hostNames: ["a.b"]) }
      #expect(try client.request("GET", "/varz", host: "a.b").status == 200)
      #expect(try client.request("GET", "/varz", host: "b.c").status == 403)
    }
  }

  @Test func guessingIsSlowedDown() async throws {
    var limits = AdminLimits.defaults
    limits.attemptsPerSecond = 5
    try await AdminHarness.run(secret: ("u", "p", "t"), limits: limits) { harness in
      let client = try harness.connect()
      let started = ContinuousClock.now
      for number in 0..<12 {
        let header = "Authorization: Bearer guess-\(number)"
        #expect(try client.request("GET", "/varz", headers: [header]).status == 401)
      }
      #expect(ContinuousClock.now - started > .seconds(1))
    }
  }

  @Test func guessersDoNotKeepTheOperatorOut() async throws {
    var limits = AdminLimits.defaults
    limits.attemptsPerSecond = 10
    try await AdminHarness.run(secret: ("u", "p", "t"), limits: limits) { harness in
      let known = try harness.connect()
      let right = ["Authorization: Bearer t"]
      #expect(try known.request("GET", "/varz", headers: right).status == 200)
      var guessers: [AdminClient] = []
      for number in 0..<60 {
        let client = try harness.connect()
        try client.socket.send(
          "GET /varz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer g\(number)\r\n\r\n")
        guessers.append(client)
      }
      // Who was let in before needs no turn.
      let started = ContinuousClock.now
      #expect(try known.request("GET", "/varz", headers: right).status == 200)
      #expect(ContinuousClock.now - started < .seconds(1))
      // The line has an end.
      let statuses = try guessers.map { try $0.reply().status }
      #expect(statuses.contains(429) && statuses.filter { $0 == 401 }.count >= 10, "\(statuses)")
      // Somebody new waits in line, and is let in.
      for number in 0..<20 {
        try guessers[number].socket.send(
          "GET /varz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer g\(number)\r\n\r\n")
      }
      let basic = ["Authorization: Basic " + Base64.encode(Array("u:p".utf8))]
      #expect(try harness.connect().request("GET", "/varz", headers: basic).status == 200)
    }
  }
}
