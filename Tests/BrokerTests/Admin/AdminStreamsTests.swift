import GodwitEngine
import GodwitFrontEndKit
import GodwitWire
import Testing

@testable import GodwitBroker

@Suite struct AdminStreamsTests {
  @Test func aStreamIsMadeFilledAndRead() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      let made = try client.post(
        "/api/streams", #"{"name":"S","topics":["s.>","t"],"storage":"memory","records_max":100}"#)
      #expect(made.status == 200, "\(made.text)")
      for index in 0..<5 {
        let topic = index % 2 == 0 ? "s.even" : "s.odd"
        let sent = try client.post(
          "/api/publish", #"{"topic":"\#(topic)","payload":"\#(index)","headers":{"k":"v"}}"#)
        #expect(sent.status == 200)
      }
      let all = try client.request("GET", "/api/streams/S/records").json
      #expect(all["complete"]?.bool == true)
      #expect(all["next"]?.integer == 5)
      let rows = try #require(all["records"]?.elements)
      #expect(rows.map { $0["payload"]?.string } == ["0", "1", "2", "3", "4"])
      #expect(rows.map { $0["offset"]?.integer } == [0, 1, 2, 3, 4])
      #expect(rows[0]["headers"]?[0]?[1]?.string == "v")
      #expect(rows[0]["at"] == nil)
      let some = try client.request("GET", "/api/streams/S/records?from=1&limit=2").json
      #expect(some["records"]?.elements?.count == 2)
      #expect(some["complete"]?.bool == false)
      #expect(some["next"]?.integer == 3)
      let odd = try client.request("GET", "/api/streams/S/records?pattern=*.odd").json
      #expect(odd["records"]?.elements?.map { $0["payload"]?.string } == ["1", "3"])
      let late = try client.request("GET", "/api/streams/S/records?from=9").json
      #expect(late["records"]?.elements == [])
      let short = try client.request("GET", "/api/streams/S/records?limit=1&preview=0").json
      #expect(short["records"]?[0]?["truncated"]?.bool == true)
      #expect(try client.request("GET", "/api/streams/S/records?from=x").status == 400)
      #expect(try client.request("GET", "/api/streams/S/records?pattern=a..b").status == 400)
      #expect(try client.request("GET", "/api/streams/X/records").status == 404)
      #expect(try client.request("GET", "/api/streams/S").json["records_max"]?.integer == 100)
    }
  }

  @Test(arguments: [
    (#"{"topics":["a"]}"#, 400), (#"{"name":"a.b","topics":["a"]}"#, 400),
    (#"{"name":"a","topics":[]}"#, 400), (#"{"name":"a","topics":["a..b"]}"#, 400),
    (#"{"name":"a","topics":["a",7]}"#, 400), (#"{"name":"a","topics":["a.>","a.b"]}"#, 400),
    (#"{"name":"a","topics":["$JS.API.>"]}"#, 400),
    (#"{"name":"a","topics":["a"],"other":1}"#, 400),
    (#"{"name":"a","topics":["a"],"retention":"never"}"#, 400),
    (#"{"name":"a","topics":["a"],"records_max":-1}"#, 400),
    (#"{"name":"a","topics":["a"],"age_max_seconds":1e30}"#, 400), ("[]", 400), ("{", 400),
    (#"{"name":"S","topics":["a"]}"#, 409), (#"{"name":"a","topics":["s.*"]}"#, 409),
  ])
  func whatCannotBeMadeIsRefused(body: String, status: Int) async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      let made = try client.post("/api/streams", #"{"name":"S","topics":["s.>"]}"#)
      #expect(made.status == 200)
      #expect(try client.post("/api/streams", body).status == status)
      #expect(try client.request("GET", "/api/streams").json["total"]?.integer == 1)
    }
  }
}
