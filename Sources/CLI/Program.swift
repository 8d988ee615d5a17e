import ArgumentParser
import Dispatch

/// Where the process starts.
///
/// What blocks runs here, on the main thread, before any other thread exists: only so can the
/// server hold its signals back in all of them, and the runtime of tasks is never started for it.
@main
enum Program {
  static func main() {
    do {
      var command = try Godwit.parseAsRoot()
      guard command is any AsyncParsableCommand else {
        try command.run()
        return
      }
    } catch {
      Godwit.exit(withError: error)
    }
    Task { await Self.runAsynchronously() }
    dispatchMain()
  }

  private static func runAsynchronously() async {
    do {
      if var command = try Godwit.parseAsRoot() as? any AsyncParsableCommand {
        try await command.run()
      }
      Godwit.exit()
    } catch {
      Godwit.exit(withError: error)
    }
  }
}
