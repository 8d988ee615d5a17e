import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import Testing

@testable import GodwitBroker

@Suite struct AdminResendsTests {
  /// A stream `D` of dead letters of `back.N`, which the stream `B` keeps; and one that says
  /// nothing of where it comes from.
  private static func fill(_ harness: AdminHarness, letters: Int = 5) async throws {
    try await harness.onLoop { parts in
      let tenant = parts.loop.engine.tenant(named: "default")
      for (name, pattern) in [("D", "d.>"), ("B", "back.>")] {
        _ = try tenant.streams.create(
          StreamSettings(name: name, patterns: [TopicPattern(canonical: Array(pattern.utf8))]))
      }
      for index in 0..<letters {
        var metadata = Metadata()
        metadata.key = [7]
        for (name, value) in [
          ("Trace", "t\(index)"), ("Godwit-Dead-Topic", "back.\(index % 2)"),
          ("Godwit-Dead-Reason", "r"),
        ] {
          metadata.headers.append(.init(name: Array(name.utf8), value: Array(value.utf8)))
        }
        tenant.publish(
          topic: Array("d.x".utf8), payload: Array("p\(index)".utf8), metadata: metadata)
      }
      tenant.publish(topic: Array("d.y".utf8), payload: [])
    }
  }

  private static func records(_ client: AdminClient, _ name: String) throws -> [JSONValue] {
    let found = try client.request("GET", "/api/streams/\(name)/records").json
    return found["records"]?.elements ?? []
  }

  @Test func lettersGoBackToWhereTheyComeFrom() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      let done = try client.post("/api/resends", #"{"stream":"D"}"#)
      #expect(done.status == 200)
      #expect(done.json["state"]?.string == "done")
      #expect(done.json["sent"]?.integer == 5)
      #expect(done.json["without_origin"]?.integer == 1)
      #expect(done.json["removed"]?.integer == 0)
      #expect(done.json["progress"]?.double == 1)
      let back = try Self.records(client, "B")
      #expect(back.map { $0["topic"]?.string } == (0..<5).map { "back.\($0 % 2)" })
      // What made it a letter is left out, and the rest is there.
      #expect(back[3]["headers"]?.elements?.count == 1)
      #expect(back[3]["headers"]?[0]?[1]?.string == "t3")
      #expect(back[3]["key"] != nil)
      #expect(try Self.records(client, "D").count == 6)
    }
  }

  @Test func aDryRunSendsNothing() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness, letters: 30)
      let client = try harness.connect()
      let plan = try client.post("/api/resends", #"{"stream":"D","dry_run":true,"remove":true}"#)
      #expect(plan.json["chosen"]?.integer == 30)
      #expect(plan.json["sent"]?.integer == 0)
      #expect(plan.json["examples"]?.elements?.count == 20)
      #expect(plan.json["examples"]?[1]?["topic"]?.string == "back.1")
      #expect(try Self.records(client, "B").isEmpty)
      #expect(try Self.records(client, "D").count == 31)
    }
  }

  @Test(arguments: [
    (#""offsets":[1,3]"#, ["p1", "p3"]), (#""header":"trace=T2""#, ["p2"]),
    (#""text":"P4""#, ["p4"]), (#""from":3,"to":5"#, ["p3", "p4"]),
    (#""limit":2"#, ["p0", "p1"]), (#""pattern":"d.y""#, []), (#""offsets":[99]"#, []),
  ])
  func someAreChosen(choice: String, payloads: [String]) async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      let done = try client.post("/api/resends", #"{"stream":"D","remove":true,\#(choice)}"#).json
      #expect(done["sent"]?.integer == Int64(payloads.count))
      #expect(done["removed"]?.integer == Int64(payloads.count))
      #expect(try Self.records(client, "B").map { $0["payload"]?.string } == payloads)
      #expect(try Self.records(client, "D").count == 6 - payloads.count)
    }
  }

  @Test func oneIsEdited() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      let done = try client.post(
        "/api/resends",
        #"{"stream":"D","offsets":[1],"topic":"back.z","payload":"new","headers":{"A":"b"}}"#)
      #expect(done.json["sent"]?.integer == 1)
      let back = try Self.records(client, "B")
      #expect(back.map { $0["topic"]?.string } == ["back.z"])
      #expect(back[0]["payload"]?.string == "new")
      #expect(back[0]["headers"]?[0]?[0]?.string == "A")
      #expect(back[0]["key"] != nil)
    }
  }

  @Test func theyGoAtARateAndAreCancelled() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      let job = try client.post("/api/resends", #"{"stream":"D","rate":0.001}"#)
      #expect(job.status == 202)
      #expect(job.json["sent"]?.integer == 1)
      let id = try #require(job.json["id"]?.integer)
      let shown = try client.request("GET", "/api/resends/\(id)").json
      #expect(shown["state"]?.string == "running")
      let ended = try client.request(
        "DELETE", "/api/resends/\(id)", headers: ["X-Godwit-Admin: 1"])
      #expect(ended.json["state"]?.string == "cancelled")
      let all = try client.request("GET", "/api/resends").json["resends"]?.elements
      #expect(all?.map { $0["state"]?.string } == ["cancelled"])
      #expect(try client.request("GET", "/api/resends/99").status == 404)
    }
  }

  // MARK: Going on

  private static let change = ["X-Godwit-Admin: 1"]

  @Test(arguments: [#","pattern":"d.x""#, #","pattern":"d.x","limit":4"#])
  func oneThatWasCancelledGoesOnWhereItWas(more: String) async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      let job = try client.post("/api/resends", #"{"stream":"D","rate":0.001\#(more)}"#).json
      #expect(job["sent"]?.integer == 1)
      #expect(job["can_go_on"]?.bool == false)
      let path = "/api/resends/\(try #require(job["id"]?.integer))"
      #expect(try client.post(path + "/resume", "{}").status == 409)
      let cancelled = try client.request("DELETE", path, headers: Self.change).json
      #expect(cancelled["state"]?.string == "cancelled")
      #expect(cancelled["can_go_on"]?.bool == true)
      #expect(cancelled["progress"]?.double ?? 1 < 0.5)
      let again = try client.post(path + "/resume", "{}")
      #expect(again.status == 202)
      #expect(again.json["state"]?.string == "running")
      #expect(again.json["sent"]?.integer == 2)
      // What it was told holds for all of it.
      #expect(again.json["rate"]?.double == 0.001)
      let back = try Self.records(client, "B")
      #expect(back.map { $0["payload"]?.string } == ["p0", "p1"])
    }
  }

  @Test func oneThatWasRefusedGoesOn() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness, letters: 30)
      let client = try harness.connect()
      func seal(_ isSealed: Bool) async throws {
        try await harness.onLoop { parts in
          let streams = parts.loop.engine.tenant(named: "default").streams
          var settings = try #require(streams["B"]).settings
          settings.recordBytesMax = isSealed ? 1 : 0
          try streams.update(#require(streams["B"]), to: settings)
        }
      }
      try await seal(true)
      let job = try client.post("/api/resends", #"{"stream":"D","limit":25}"#).json
      #expect(job["state"]?.string == "failed")
      try await seal(false)
      let done = try client.post("/api/resends/1/resume", "{}").json
      #expect(done["state"]?.string == "done")
      #expect(done["error"] == .null)
      #expect(done["failed"]?.integer == 10)
      #expect(done["chosen"]?.integer == 25)
      #expect(done["sent"]?.integer == 15)
      #expect(try Self.records(client, "B").first?["payload"]?.string == "p10")
    }
  }

  @Test func someCannotGoOn() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      _ = try client.post("/api/resends", #"{"stream":"D"}"#)
      _ = try client.post("/api/resends", #"{"stream":"D","dry_run":true}"#)
      _ = try client.post("/api/resends", #"{"stream":"D","rate":0.001}"#)
      _ = try client.request("DELETE", "/api/resends/3", headers: Self.change)
      for (path, status) in [
        ("1/resume", 409), ("2/resume", 409), ("9/resume", 404), ("x/resume", 404), ("3", 404),
        ("3/stop", 404), ("/resume", 404),
      ] {
        #expect(try client.post("/api/resends/\(path)", "{}").status == status, "\(path)")
      }
      // Another stream of the name has other records.
      try await harness.onLoop { parts in
        let streams = parts.loop.engine.tenant(named: "default").streams
        streams.delete("D")
        parts.loop.renewTime()
        let pattern = TopicPattern(canonical: Array("d.>".utf8))
        _ = try streams.create(StreamSettings(name: "D", patterns: [pattern]))
      }
      #expect(try client.post("/api/resends/3/resume", "{}").status == 409)
      try await harness.onLoop { parts in
        _ = parts.loop.engine.tenant(named: "default").streams.delete("D")
      }
      #expect(try client.post("/api/resends/3/resume", "{}").status == 404)
    }
  }

  @Test func aStartFindsWhatWasInterrupted() async throws {
    try await AdminHarness.run { harness in
      try await harness.onLoop { parts in
        let tenant = parts.loop.engine.tenant(named: "default")
        tenant.store = KeepingStore(tenant.store)
      }
      try await Self.fill(harness)
      let client = try harness.connect()
      _ = try client.post("/api/resends", #"{"stream":"D","pattern":"d.x"}"#)
      _ = try client.post("/api/resends", #"{"stream":"D","dry_run":true}"#)
      _ = try client.post("/api/resends", #"{"stream":"D","rate":0.001,"header":"trace"}"#)
      let edited = #"{"stream":"D","rate":0.001,"offsets":[1],"payload":"x"}"#
      _ = try client.post("/api/resends", edited)
      // What another process would read of the journal, when the job has noted how far it is.
      let isNoted = try await harness.until { parts in
        let desk = ResendDesk(
          engine: parts.loop.engine, audit: AuditLog(engine: parts.loop.engine))
        return desk.job(3)?.progress.sent == 1
      }
      #expect(isNoted)
      let found = try await harness.onLoop { parts in
        let engine = parts.loop.engine
        let desk = ResendDesk(engine: engine, audit: AuditLog(engine: engine))
        desk.job(3)?.cancel()
        let later = ResendDesk(engine: engine, audit: AuditLog(engine: engine))
        return [desk, later].map { desk in desk.jobs.map { JSONValue.object($0.members) } }
      }
      #expect(found[0].map { $0["id"]?.integer } == [1, 3, 4])
      #expect(
        found[1].map { $0["state"]?.string } == ["done", "cancelled", "done"])
      #expect(found[0].map { $0["can_go_on"]?.bool } == [false, true, false])
      #expect(found[0].map { $0["sent"]?.integer } == [5, 1, 1])
      #expect(found[0][1]["header"]?.string == "trace")
      #expect(found[0][1]["progress"]?.double ?? 1 < 0.5)
      #expect(found[0][1]["started_at"]?.double ?? 0 > 1_799_999_999)
    }
  }

  @Test func whatIsInTheJournalIsTakenWithCare() {
    let engine = Engine(now: 1)
    let order = ResendOrder(name: "D", kind: "stream", tenant: engine.tenant(named: "default"))
    let stored = ResendJob(id: 1, order).stored
    #expect(ResendJob(stored: stored, engine)?.state == .interrupted)
    let members = stored.members ?? []
    for index in members.indices where members[index].name != "progress" {
      var others = members
      others.remove(at: index)
      #expect(ResendJob(stored: .object(others), engine) == nil)
      others.append(.init(members[index].name, .double(0.5)))
      let isTaken = ResendJob(stored: .object(others), engine) != nil
      #expect(isTaken == (members[index].name == "document"))
    }
    for spans in [[1], [1, 2, 1], [0, -1, 1]] as [[Int64]] {
      var others = members.filter { $0.name != "spans" }
      others.append(.init("spans", .array(spans.map { .integer($0) })))
      #expect(ResendJob(stored: .object(others), engine) == nil)
    }
    for (state, span, isTaken) in [("done", 0, true), ("x", 0, false), ("done", -1, false)] {
      let stored: JSONValue = .record([
        "state": .string(state), "span": .count(span), "next": .count(0),
      ])
      #expect((ResendProgress(stored) != nil) == isTaken)
    }
  }

  @Test func whatNobodyTakesStays() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      let done = try client.post(
        "/api/resends", #"{"stream":"D","topic":"nobody","remove":true}"#
      ).json
      #expect(done["unheard"]?.integer == 6)
      #expect(done["removed"]?.integer == 0)
      #expect(try Self.records(client, "D").count == 6)
    }
  }

  @Test func whatIsRefusedIsCountedAndGivenUp() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness, letters: 30)
      try await harness.onLoop { parts in
        let streams = parts.loop.engine.tenant(named: "default").streams
        var settings = try #require(streams["B"]).settings
        settings.isSealed = true
        try streams.update(#require(streams["B"]), to: settings)
      }
      let client = try harness.connect()
      let done = try client.post("/api/resends", #"{"stream":"D","remove":true}"#).json
      #expect(done["state"]?.string == "failed")
      #expect(done["failed"]?.integer == 10)
      #expect(done["error"]?.string != nil)
      #expect(try Self.records(client, "D").count == 31)
    }
  }

  @Test(arguments: [
    ("[]", 400), ("{}", 400), (#"{"stream":"X"}"#, 404), (#"{"stream":"D","other":1}"#, 400),
    (#"{"stream":"D","rate":-1}"#, 400), (#"{"stream":"D","rate":"x"}"#, 400),
    (#"{"stream":"D","offsets":[]}"#, 400), (#"{"stream":"D","offsets":[-1]}"#, 400),
    (#"{"stream":"D","offsets":["1"]}"#, 400), (#"{"stream":"D","payload":"x"}"#, 400),
    (#"{"stream":"D","offsets":[1,2],"headers":{}}"#, 400),
    (#"{"stream":"D","topic":"a.*"}"#, 400), (#"{"stream":"D","topic":"$SYS.a"}"#, 403),
    (#"{"stream":"D","partition":3}"#, 404), (#"{"stream":"D","limit":-1}"#, 400),
    (#"{"stream":"D","remove":1}"#, 400), (#"{"stream":"D","header":"=x"}"#, 400),
    (#"{"stream":"D","from":1e30}"#, 400), (#"{"stream":"D","tenant":"nobody"}"#, 404),
  ])
  func nonsenseIsRefused(body: String, status: Int) async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      #expect(try client.post("/api/resends", body).status == status)
      #expect(try Self.records(client, "B").isEmpty)
    }
  }

  // MARK: Audit

  @Test func whatIsChangedIsWrittenDown() async throws {
    try await AdminHarness.run(secret: ("ops", "pw", "t")) { harness in
      let client = try harness.connect()
      let headers = ["Authorization: Basic b3BzOnB3", "X-Godwit-Admin: 1"]
      func ask(_ method: String, _ path: String, _ body: String? = nil) throws -> JSONValue {
        try client.request(method, path, headers: headers, body: body).json
      }
      _ = try ask("POST", "/api/streams", #"{"name":"S","topics":["s"]}"#)
      _ = try ask("GET", "/api/streams")
      _ = try ask("POST", "/api/streams/S/purge?keep=1", "")
      _ = try ask("DELETE", "/api/streams/none")
      let rows = try #require(try ask("GET", "/api/audit")["entries"]?.elements)
      // The newest first.
      #expect(
        rows.map { $0["action"]?.string } == [
          "DELETE /api/streams/none", "POST /api/streams/S/purge", "POST /api/streams",
        ])
      #expect(rows.map { $0["status"]?.integer } == [404, 200, 200])
      #expect(rows.allSatisfy { $0["who"]?.string == "ops" })
      #expect(rows.allSatisfy { $0["from"]?.string == "127.0.0.1" })
      #expect(rows[1]["query"]?["keep"]?.string == "1")
      #expect(rows[2]["result"]?["created"]?.string == "S")
      let page = try ask("GET", "/api/audit?limit=2")
      #expect(page["entries"]?.elements?.count == 2)
      let next = try #require(page["next"]?.integer)
      let rest = try ask("GET", "/api/audit?before=\(next)")
      #expect(rest["entries"]?.elements?.count == 1)
      #expect(rest["next"] == .null)
      #expect(
        try client.request("GET", "/api/audit?before=x", headers: headers).status == 400)
    }
  }

  @Test func theAuditLogIsBounded() async throws {
    try await AdminHarness.run { harness in
      let rows = try await harness.onLoop { parts in
        let log = AuditLog(engine: parts.loop.engine)
        let long = JSONValue.string(String(repeating: "x", count: 100_000))
        for index in 0..<AuditLog.recordsMax + 600 {
          log.add([.init("n", .integer(Int64(index)))]) {}
        }
        log.add([.init("n", .integer(-1)), .init("result", long)]) {}
        var rows: [JSONValue] = []
        log.list(before: nil, limit: 20_000) { rows = $0.body["entries"]?.elements ?? [] }
        return rows.map { $0["n"]?.integer }
      }
      #expect(rows.first == -1)
      #expect((AuditLog.recordsMax...AuditLog.recordsMax + 257).contains(rows.count))
    }
  }
}
