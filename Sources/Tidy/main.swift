import Foundation

// `swift run Tidy [ROOT]`: the rules of the house that a program can check. It prints every place
// that breaks one and ends with 1 if there is any.

let root = URL(fileURLWithPath: CommandLine.arguments.dropFirst().first ?? ".")
do {
  let repository = try Repository(root: root)
  let listed = try Data(contentsOf: root.appendingPathComponent(Exceptions.path))
  let exceptions = try JSONDecoder().decode(Exceptions.self, from: listed)
  let found = exceptions.settle(allRules.flatMap { $0.violations(in: repository) })
  for violation in found { print(violation) }
  print(
    found.isEmpty
      ? "tidy: \(repository.files.count) files, \(allRules.count) rules, nothing to report"
      : "tidy: \(found.count) violations")
  exit(found.isEmpty ? 0 : 1)
} catch {
  FileHandle.standardError.write(Data("tidy: \(error)\n".utf8))
  exit(2)
}
