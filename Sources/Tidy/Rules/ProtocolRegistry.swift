/// A protocol is its folder, its line in the manifest, its line in the daemon's list and its pages.
struct ProtocolRegistry: Rule {
  let name = "protocol-registry"
  static let list = "Sources/Broker/FrontEnds.swift"

  func violations(in repository: Repository) -> [Violation] {
    let folders = Set(
      repository.files.compactMap { file -> String? in
        let parts = file.path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Protocols" ? String(parts[1]) : nil
      })
    return folders.sorted().flatMap { complaints(about: $0, in: repository) }
      + unlisted(in: repository, folders: folders)
  }

  private func complaints(about folder: String, in repository: Repository) -> [Violation] {
    let targets = Set(repository.manifest.targets.map(\.name))
    let readme = "Protocols/\(folder)/README.md"
    var found: [Violation] = []
    func complain(_ path: String, _ message: String) {
      found.append(Violation(path: path, line: 0, rule: name, message: message))
    }
    if !targets.contains("\(folder)Wire") {
      complain("Package.swift", "no line for Protocols/\(folder)")
    }
    if repository.file(readme) == nil {
      complain(readme, "missing: the table of specification sections")
    }
    if targets.contains("\(folder)FrontEnd"), !imports("\(folder)FrontEnd", in: repository) {
      complain(Self.list, "does not list \(folder)FrontEnd")
    }
    if repository.file("README.md")?.lines.contains(where: { $0.contains(folder) }) != true {
      complain("README.md", "does not mention \(folder)")
    }
    return found
  }

  private func imports(_ module: String, in repository: Repository) -> Bool {
    repository.file(Self.list)?.swiftLines
      .contains { ImportsFollowLayers.importedModule($0.code) == module } == true
  }

  /// A front end in the manifest or in the list whose folder is gone.
  private func unlisted(in repository: Repository, folders: Set<String>) -> [Violation] {
    repository.manifest.targets.compactMap { target in
      guard target.path.hasPrefix("Protocols/") else { return nil }
      let folder = String(target.path.split(separator: "/")[1])
      guard !folders.contains(folder) else { return nil }
      return Violation(
        path: "Package.swift", line: 0, rule: name,
        message: "\(target.name) has no folder Protocols/\(folder)")
    }
  }
}
