import GodwitWire
import Testing

@Suite struct JSONWriterTests {
  private func text(_ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    body(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  @Test func keepsTheOrderOfMembers() {
    let text = self.text {
      $0.object {
        $0.member("z", 1)
        $0.member("a", "x")
        $0.member("f", true)
        $0.member("d", 0.5)
        $0.member("l", ["p", "q"])
        $0.array("m") {
          $0.object { _ in }
          $0.array { _ in }
          $0.null()
          $0.integer(UInt64.max)
        }
        $0.object("o") { $0.member("v", JSONValue.array([.bool(false), .double(1)])) }
      }
    }
    let expected =
      #"{"z":1,"a":"x","f":true,"d":0.5,"l":["p","q"],"m":[{},[],null,18446744073709551615],"#
      + #""o":{"v":[false,1.0]}}"#
    #expect(text == expected)
  }

  @Test func escapes() {
    #expect(
      self.text { $0.string("a\"\\\n\r\t\u{1}\u{1f}\u{7f}é/") }
        == #""a\"\\\n\r\t\u0001\u001f\u007fé/""#)
  }

  @Test func numbersThatJSONCannotSayAreNull() {
    #expect(
      self.text {
        $0.array {
          $0.double(.nan); $0.double(.infinity)
        }
      } == "[null,null]")
  }
}
