import Foundation

/// What `swift package dump-package` says about the targets.
struct Manifest {
  struct Target: Equatable {
    var name: String
    /// Relative to the repository's root.
    var path: String
    var isTest: Bool
    /// Modules that the target may import: its declared targets and products, by name.
    var dependencies: Set<String>
  }

  var targets: [Target]

  /// The target whose folder holds the file, nested folders first.
  func target(holding path: String) -> Target? {
    targets.filter { path.hasPrefix($0.path + "/") }.max { $0.path.utf8.count < $1.path.utf8.count }
  }
}

extension Manifest {
  /// Reads the JSON that `swift package dump-package` prints.
  init(json: Data) throws {
    let dump = try JSONDecoder().decode(Dump.self, from: json)
    targets = dump.targets.map { target in
      let isTest = target.type == "test"
      return Target(
        name: target.name,
        path: target.path ?? (isTest ? "Tests/" : "Sources/") + target.name,
        isTest: isTest,
        dependencies: Set(target.dependencies.compactMap(\.name)))
    }
  }

  private struct Dump: Decodable {
    var targets: [DumpTarget]
  }

  private struct DumpTarget: Decodable {
    var name: String
    var type: String
    var path: String?
    var dependencies: [DumpDependency]
  }

  /// `{"byName": ["X", null]}`, `{"target": ["X", null]}` or `{"product": ["X", "package", …]}`.
  private struct DumpDependency: Decodable {
    var name: String?

    private struct Part: Decodable {
      var text: String?

      init(from decoder: any Decoder) throws {
        text = try? decoder.singleValueContainer().decode(String.self)
      }
    }

    init(from decoder: any Decoder) throws {
      let kinds = try decoder.singleValueContainer().decode([String: [Part]].self)
      name = kinds.values.first?.first?.text
    }
  }
}
