import Foundation

/// All that the rules look at: the tracked text files and the manifest.
struct Repository {
  var files: [SourceFile]
  var manifest: Manifest

  func file(_ path: String) -> SourceFile? {
    files.first { $0.path == path }
  }

  var swiftFiles: [SourceFile] { files.filter { $0.kind == .swift } }
}

extension Repository {
  struct ReadFailure: Error, CustomStringConvertible {
    var description: String
  }

  /// Reads the working tree at `root`: what git tracks and what it would track.
  init(root: URL) throws {
    let listed = try Self.run(
      ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], in: root)
    let paths = Set(listed.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
    files = paths.sorted().compactMap { path in
      // A tracked file may be gone from the working tree; a binary file is not text.
      guard let data = FileManager.default.contents(atPath: root.appendingPathComponent(path).path),
        !data.prefix(8192).contains(0), let text = String(data: data, encoding: .utf8)
      else { return nil }
      return SourceFile(path: path, text: text)
    }
    manifest = try Manifest(json: Self.run(["swift", "package", "dump-package"], in: root))
  }

  private static func run(_ command: [String], in folder: URL) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = folder
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ReadFailure(
        description: "`\(command.joined(separator: " "))` ended with \(process.terminationStatus)")
    }
    return data
  }
}
