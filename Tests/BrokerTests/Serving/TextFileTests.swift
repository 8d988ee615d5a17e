import GodwitBroker
import TestSupport
import Testing

struct TextFileTests {
  @Test func replacesTheWholeFile() throws {
    let folder = try TestFolder()
    let path = try folder.write("a", "a long text that stood here before")
    try TextFile.replace(path, with: "new")
    #expect(try TextFile.text(path) == "new")
    #expect(TextFile.exists(path))
  }

  @Test func saysWhatIsWrong() throws {
    let folder = try TestFolder()
    #expect(throws: BrokerError("cannot read \(folder.path): Is a directory")) {
      try TextFile.text(folder.path)
    }
    #expect(
      throws: BrokerError("cannot write \(folder.path)/no/file: No such file or directory")
    ) { try TextFile.replace("\(folder.path)/no/file", with: "") }
    #expect(!TextFile.exists("\(folder.path)/no"))
  }
}
