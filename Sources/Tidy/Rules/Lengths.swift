/// Lines are at most 100 columns; a comma at the end is not counted, as the formatter has it.
struct LineLength: Rule {
  let name = "line-length"
  static let columnsMax = 100

  func violations(in repository: Repository) -> [Violation] {
    repository.files
      .filter { [.swift, .c, .python, .shell].contains($0.kind) && !$0.isGenerated }
      .flatMap { file in
        file.lines.enumerated().compactMap { index, line in
          let columns = line.count - (line.hasSuffix(",") ? 1 : 0)
          guard columns > Self.columnsMax else { return nil }
          return file.violation(
            name, line: index + 1, "\(columns) columns, at most \(Self.columnsMax)")
        }
      }
  }
}

/// Hand-written files are at most 600 lines.
struct FileLength: Rule {
  let name = "file-length"
  static let linesMax = 600

  func violations(in repository: Repository) -> [Violation] {
    repository.files
      .filter { [.swift, .c, .python, .shell].contains($0.kind) && !$0.isGenerated }
      .filter { $0.lines.count > Self.linesMax }
      .map { $0.violation(name, "\($0.lines.count) lines, at most \(Self.linesMax)") }
  }
}

/// Functions, initialisers and subscripts are at most 70 lines, from first line to closing brace.
struct FunctionLength: Rule {
  let name = "function-length"
  static let linesMax = 70

  func violations(in repository: Repository) -> [Violation] {
    repository.swiftFiles.filter { !$0.isGenerated }.flatMap { file in
      SwiftFunction.all(in: file.swiftLines).compactMap { function in
        guard function.length > Self.linesMax else { return nil }
        return file.violation(
          name, line: function.firstLine, "\(function.length) lines, at most \(Self.linesMax)")
      }
    }
  }
}
