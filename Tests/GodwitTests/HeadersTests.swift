import Godwit
import Testing

@Suite struct HeadersTests {
  @Test func keepsOrderAndDuplicates() {
    var headers: Headers = ["b": "1", "a": "2", "B": "3"]
    headers.append("c", "4")
    #expect(headers.map(\.name) == ["b", "a", "B", "c"])
    #expect(headers.values(named: "b") == ["1", "3"])
    #expect(headers["A"] == "2")
    #expect(headers["missing"] == nil)
  }

  @Test func settingReplacesEveryValueInPlace() {
    var headers: Headers = ["x": "1", "y": "2", "X": "3"]
    headers["X"] = "9"
    #expect(headers == ["x": "9", "y": "2"])
    headers["y"] = nil
    #expect(headers == ["x": "9"])
    headers["z"] = "0"
    #expect(headers.last == Headers.Field("z", "0"))
  }
}
