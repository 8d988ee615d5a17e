/// Calls that do not belong where they stand.
struct BannedCalls: Rule {
  let name = "banned-call"

  private struct Ban {
    var call: String
    var reason: String
    var applies: @Sendable (SourceFile) -> Bool
  }

  private static let bans: [Ban] = [
    Ban(call: "try!", reason: "throw, or handle the error") { _ in true },
    Ban(call: "as!", reason: "use as? and answer nil") { !$0.isTest },
    Ban(call: "fatalError(", reason: "one connection never ends the process") { !$0.isTest },
    Ban(call: "preconditionFailure(", reason: "one connection never ends the process") {
      !$0.isTest
    },
    Ban(call: "print(", reason: "only the program speaks on standard output") {
      !$0.isTest && !Layers.isProgram($0)
    },
    Ban(call: "Task {", reason: "unstructured tasks live in *+Bridge.swift") { ownsNoTasks($0) },
    Ban(call: "Task.detached", reason: "unstructured tasks live in *+Bridge.swift") {
      ownsNoTasks($0)
    },
    Ban(call: "import Foundation", reason: "no Foundation below Broker") {
      !$0.isTest && Layers.isBelowBroker($0)
    },
    Ban(call: "import FoundationEssentials", reason: "no Foundation below Broker") {
      !$0.isTest && Layers.isBelowBroker($0)
    },
  ]

  @Sendable private static func ownsNoTasks(_ file: SourceFile) -> Bool {
    !file.isTest && !file.name.hasSuffix("+Bridge.swift") && !Layers.isProgram(file)
  }

  func violations(in repository: Repository) -> [Violation] {
    repository.swiftFiles.flatMap { file in
      let bans = Self.bans.filter { $0.applies(file) }
      return file.swiftLines.enumerated().flatMap { index, line in
        bans.filter { stands($0.call, in: line.code) }.map {
          file.violation(name, line: index + 1, "`\($0.call)`: \($0.reason)")
        }
      }
    }
  }

  /// `print(` is not a method of something; an import ends with its module's name.
  private func stands(_ call: String, in code: String) -> Bool {
    wordRanges(of: call, in: code).contains { range in
      if call.hasPrefix("import ") {
        return range.upperBound == code.endIndex || !isIdentifier(code[range.upperBound])
      }
      let before = code[..<range.lowerBound]
      return before.last != "." && !before.hasSuffix("func ")
    }
  }
}

/// Postfix `!` where bytes of a peer may decide.
struct ForcedUnwraps: Rule {
  let name = "forced-unwrap"

  func violations(in repository: Repository) -> [Violation] {
    repository.swiftFiles.filter { !$0.isTest && Layers.isBelowBroker($0) }.flatMap { file in
      file.swiftLines.enumerated().compactMap { index, line in
        guard Self.unwraps(line.code) else { return nil }
        return file.violation(name, line: index + 1, "`!` can end the process: use guard or `?`")
      }
    }
  }

  static func unwraps(_ code: String) -> Bool {
    var previous: Character = " "
    var word = ""
    for (index, character) in zip(code.indices, code) {
      if character == "!", isIdentifier(previous) || ")]\"?}`".contains(previous),
        word != "try", word != "as"
      {
        let next = code.index(after: index)
        if next == code.endIndex || code[next] != "=" { return true }
      }
      word = isIdentifier(character) ? word + String(character) : ""
      previous = character
    }
    return false
  }
}
