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

  @Test func whatSomebodyElseUsesIsRefusedAndLeftAlone() throws {
    for name in ["tenants", "notes.txt", ".hidden"] {
      let folder = try TestFolder()
      _ = try folder.write(name, "")
      #expect(
        throws: BrokerError(
          "cannot use the data folder \(folder.path): it is not empty (\(name)), and has no file "
            + "`format` that says that it is one")
      ) { try DataFolder(folder.path) }
      #expect(throws: BrokerError.self) { try DataFolder.read(folder.path) { _, _, _ in } }
      // Not even a lock is left in it.
      _ = try folder.write("format", "1\n")
      _ = try DataFolder(folder.path)
    }
  }

  @Test func aFolderThatIsAsGoodAsEmptyIsTaken() throws {
    let folder = try TestFolder()
    // What a file system has of its own, and what a start left that came no further.
    for name in ["lost+found", "lock", "format"] { _ = try folder.write(name, "") }
    _ = try DataFolder(folder.path)
    _ = try folder.write("tenants", "")
    _ = try DataFolder(folder.path)
  }
}
