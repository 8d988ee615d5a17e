/// Nothing in the repository knows the machine it was written on or where packages come from.
struct ForeignPlaces: Rule {
  let name = "foreign-place"

  /// Folders of a machine; a letter or a dot before them makes them part of another path.
  private static let folders = ["/work/", "/root/", "/tmp/", "/home/", "/opt/", "/Users/"]
  private static let hosts = [
    "pypi.org", "pythonhosted.org", "deb.debian.org", "proxy.golang.org", "registry.npmjs.org",
    "crates.io", "hub.docker.com",
  ]

  func violations(in repository: Repository) -> [Violation] {
    repository.files.filter { $0.name != "LICENSE" }.flatMap { file in
      file.lines.enumerated().flatMap { index, line -> [Violation] in
        let folders = Self.folders.filter { Self.stands($0, in: line) }
        let hosts = Self.hosts.filter { line.contains($0) }
        return (folders + hosts).map {
          file.violation(name, line: index + 1, "`\($0)` is a place of one machine or registry")
        }
      }
    }
  }

  static func stands(_ folder: String, in line: String) -> Bool {
    wordRanges(of: folder, in: line).contains { range in
      guard range.lowerBound > line.startIndex else { return true }
      return !".-~*}$)>".contains(line[line.index(before: range.lowerBound)])
    }
  }
}
