import Testing

@testable import Tidy

@Suite struct SwiftLexerTests {
  private func code(_ text: String) -> [String] { SwiftLexer.lines(of: text).map(\.code) }

  @Test func contentsOfStringsAreNotCode() {
    #expect(code(#"call("try! // x") // try!"#) == [#"call("") "#])
  }

  @Test func commentsAreKeptApart() {
    let lines = SwiftLexer.lines(of: "a /* b /* c */ d */ e\n// f\n/// g")
    #expect(lines.map(\.code) == ["a  e", "", ""])
    #expect(lines.map(\.comment) == ["/* b /* c */ d */", "// f", "/// g"])
  }

  @Test func blockCommentsSpanLines() {
    #expect(code("a /* b\nc\nd */ e") == ["a ", "", " e"])
  }

  @Test func interpolationsAreCodeAgain() {
    #expect(code(#""x \(try! f("y")) z" + w"#) == [#""(try! f("")"#.dropLast(0) + #")" + w"#])
  }

  @Test func multilineAndRawStringsEndWhereTheyShould() {
    let text = ##"""
      let a = """
        " try! \" "" \(b)
        """ + c
      let d = #"\(e) " "# + f
      """##
    #expect(
      code(text).map { $0.replacing(" ", with: "") } == [
        "leta=\"", "(b)", "\"+c", "letd=\"\"+f",
      ])
  }
}
