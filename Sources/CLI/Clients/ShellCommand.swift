import Foundation
import NIOPosix

/// A command for the shell, run once.
struct ShellCommand: Sendable {
  /// What a command did.
  struct Outcome: Hashable, Sendable {
    /// What it wrote to standard output.
    var output: Data
    /// How it ended; a signal counts from 128.
    var exitCode: Int32
  }

  private let command: String
  private let environment: [String: String]
  private let input: Data

  init(_ command: String, environment: [String: String], input: Data) {
    self.command = command
    self.environment = environment
    self.input = input
  }

  /// Runs it on a thread that may wait.
  func run() async throws -> Outcome {
    try await NIOThreadPool.singleton.runIfActive { try self.runBlocking() }
  }

  private func runBlocking() throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", self.command]
    process.environment = ProcessInfo.processInfo.environment.merging(self.environment) { $1 }
    let output = Pipe()
    process.standardOutput = output
    // A file and not a pipe: a command that does not read its input cannot hold anyone up.
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("godwit-\(UniqueName.make())")
    try self.input.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let input = try FileHandle(forReadingFrom: file)
    defer { try? input.close() }
    process.standardInput = input
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let offset: Int32 = process.terminationReason == .uncaughtSignal ? 128 : 0
    return Outcome(output: data, exitCode: process.terminationStatus + offset)
  }
}
