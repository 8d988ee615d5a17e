import Testing

@testable import Tidy

/// The rules that look at several files at once, and the exceptions.
@Suite struct HouseTests {
  private func repository(_ files: [String: String]) -> Repository {
    Repository(
      files: files.map { SourceFile(path: $0.key, text: $0.value) },
      manifest: Manifest(targets: [
        .init(name: "XWire", path: "Protocols/X/Wire", isTest: false, dependencies: []),
        .init(name: "XFrontEnd", path: "Protocols/X/FrontEnd", isTest: false, dependencies: []),
      ]))
  }

  private let complete = [
    "Protocols/X/Wire/A.swift": "", "Protocols/X/README.md": "", "README.md": "speaks X",
    "Sources/Broker/FrontEnds.swift": "import XFrontEnd",
  ]

  @Test func aRegisteredProtocolIsFine() {
    #expect(ProtocolRegistry().violations(in: repository(complete)).isEmpty)
  }

  @Test(arguments: [
    "Protocols/X/README.md", "README.md", "Sources/Broker/FrontEnds.swift",
  ])
  func whatAProtocolLacksIsNamed(path: String) {
    var files = complete
    files[path] = nil
    #expect(ProtocolRegistry().violations(in: repository(files)).map(\.path) == [path])
  }

  @Test func foldersAndTargetsNeedEachOther() {
    let files = complete.merging(["Protocols/Y/a.md": ""]) { first, _ in first }
    #expect(
      Set(ProtocolRegistry().violations(in: repository(files)).map(\.path)) == [
        "Package.swift", "Protocols/Y/README.md", "README.md",
      ])
    #expect(ProtocolRegistry().violations(in: repository(["README.md": ""])).count == 2)
  }

  @Test func samplesAreExcerptsOfWhatIsBuilt() {
    let page = "text\n```swift\nlet a = 1\nf { a }\n```\n```\nno Swift\n```\n"
    func lines(_ path: String, _ source: String) -> [Int] {
      CompiledSamples().violations(
        in: repository(["Sources/A/A.docc/B.md": page, path: source])
      ).map(\.line)
    }
    #expect(lines("Examples/Sources/A/main.swift", "do {\n  let a = 1\n  f { a }\n}\n").isEmpty)
    #expect(lines("Tests/ATests/A.swift", "let a = 1\nf { a }").isEmpty)
    #expect(lines("Examples/Sources/A/main.swift", "let a = 1\n\nf { a }") == [2])
    #expect(lines("Sources/A/A.swift", "let a = 1\nf { a }") == [2])
  }

  private func rows(_ table: String) -> [Int] {
    SectionTables().violations(
      in: repository([
        "Protocols/X/README.md": table,
        "Protocols/X/Tests/ATests.swift": "@Suite struct BTests { @Test func itWorks() {} }",
        "Interop/test_x.py": "async def test_y():\n  pass",
      ])
    ).map(\.line).sorted()
  }

  @Test func rowsNameTestsThatExist() {
    let table = """
      | section | state | tested by |
      |---|---|---|
      | 1 | implemented | `ATests.swift`, `BTests.itWorks()` |
      | 2 | implemented | `Interop/test_x.py::test_y` |
      | 3 | implemented | `itDoesNot` |
      | 4 | implemented | soon |
      | 5 | to come | |

      | key | value |
      |---|---|
      | a | b |
      """
    #expect(rows(table) == [5, 6])
  }

  @Test func casesOfPublicSuitesNameTestsThatExist() {
    let page = "| case | where tested |\n|---|---|\n| 1 | `itWorks` |\n| 2 | `itDoesNot` |\n"
    let found = SectionTables().violations(
      in: repository([
        "Protocols/X/conformance.md": page,
        "Protocols/X/Tests/ATests.swift": "@Suite struct BTests { @Test func itWorks() {} }",
      ]))
    #expect(found.map(\.line) == [4])
  }

  @Test func aReadmeHasATable() {
    #expect(rows("# X\n") == [0])
  }

  @Test func exceptionsAreCounted() {
    let entry = Exceptions.Entry(rule: "r", path: "p", count: 2, reason: "because")
    func settled(_ count: Int) -> [String] {
      Exceptions(entries: [entry]).settle(
        (0..<count).map { Violation(path: "p", line: $0, rule: "r", message: "m") }
      ).map(\.rule)
    }
    #expect(settled(2).isEmpty)
    #expect(settled(1) == ["exceptions"])
    #expect(settled(3).sorted() == ["exceptions", "r", "r", "r"])
  }

  @Test func exceptionsHaveReasons() {
    let entry = Exceptions.Entry(rule: "r", path: "p", count: 0, reason: "")
    #expect(Exceptions(entries: [entry]).settle([]).count == 1)
  }
}
