import GodwitBroker
import TestSupport
import Testing

struct DataFolderTests {
  @Test func oneProcessAtATime() throws {
    let parent = try TestFolder()
    let path = "\(parent.path)/data"
    let first = try DataFolder(path)
    #expect(throws: BrokerError("cannot use the data folder \(path): another godwit has it")) {
      try DataFolder(path)
    }
    withExtendedLifetime(first) {}
  }

  @Test func afterwardsItIsFree() throws {
    let folder = try TestFolder()
    _ = try DataFolder(folder.path)
    _ = try DataFolder(folder.path)
  }

  @Test func whatIsNoFolderIsRefused() throws {
    let folder = try TestFolder()
    let file = try folder.write("file", "")
    #expect(throws: BrokerError("cannot use the data folder \(file): not a folder")) {
      try DataFolder(file)
    }
    #expect(
      throws: BrokerError(
        "cannot use the data folder \(folder.path)/no/where: No such file or directory")
    ) { try DataFolder("\(folder.path)/no/where") }
  }
}
