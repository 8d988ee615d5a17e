/// A file imports what its target declares, from lower floors, and never from another protocol.
struct ImportsFollowLayers: Rule {
  let name = "import"

  private static let system: Set<String> = [
    "Swift", "Foundation", "FoundationEssentials", "Glibc", "Musl", "Darwin", "Dispatch",
    "Synchronization", "Testing",
  ]

  func violations(in repository: Repository) -> [Violation] {
    repository.swiftFiles.flatMap { file -> [Violation] in
      guard let target = repository.manifest.target(holding: file.path) else { return [] }
      return file.swiftLines.enumerated().flatMap { index, line -> [Violation] in
        guard let module = Self.importedModule(line.code) else { return [] }
        return complaints(about: module, in: target, file: file).map {
          file.violation(name, line: index + 1, $0)
        }
      }
    }
  }

  private func complaints(
    about module: String, in target: Manifest.Target, file: SourceFile
  ) -> [String] {
    guard !Self.system.contains(module) else { return [] }
    var complaints: [String] = []
    if !target.dependencies.contains(module) {
      complaints.append("\(target.name) does not declare \(module) in the manifest")
    }
    if !target.isTest, !Layers.mayImport(module, from: target.name) {
      complaints.append("\(target.name) stands too low to import \(module)")
    }
    if let own = Self.protocolName(of: file.path), let other = Self.protocolName(ofModule: module),
      own != other
    {
      complaints.append("\(own) never imports another protocol's \(module)")
    }
    return complaints
  }

  static func importedModule(_ code: String) -> String? {
    let words = SwiftToken.all(in: [SwiftLine(code: code, comment: "")]).map(\.text)
    guard let keyword = words.firstIndex(of: "import"), words.count > keyword + 1 else {
      return nil
    }
    let ahead: Set = [
      "public", "package", "internal", "fileprivate", "private", "@", "testable",
      "preconcurrency", "exported", "_exported",
    ]
    guard words[..<keyword].allSatisfy(ahead.contains) else { return nil }
    let kinds: Set = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
    let name = words[(keyword + 1)...].first { !kinds.contains($0) }
    return name
  }

  private static func protocolName(of path: String) -> String? {
    let parts = path.split(separator: "/")
    return parts.count > 1 && parts[0] == "Protocols" ? String(parts[1]) : nil
  }

  private static func protocolName(ofModule module: String) -> String? {
    for suffix in ["FrontEnd", "Wire"] where module.hasSuffix(suffix) {
      let name = String(module.dropLast(suffix.count))
      return name == "Godwit" || name.isEmpty ? nil : name
    }
    return nil
  }
}
