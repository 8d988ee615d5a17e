/// The floors of the house (`docs/architecture.md`): a module imports only from lower ones.
enum Layers {
  private static let floors: [String: Int] = [
    "GodwitPrimitives": 0, "GodwitWire": 1, "GodwitWireTesting": 1, "GodwitEngine": 2,
    "Godwit": 2, "GodwitEmbedded": 3, "GodwitConformance": 3, "GodwitDriverKit": 3,
    "GodwitConduit": 3, "GodwitHealth": 3, "GodwitMessagePack": 3, "GodwitProtobuf": 3,
    "GodwitFrontEndKit": 3, "GodwitSASLprep": 3, "GodwitNATS": 4, "GodwitMQTT": 4,
    "GodwitBroker": 5, "GodwitCLI": 6,
    "Tidy": 6,
  ]

  /// Modules of other packages that a floor may use; floors that are not named here may use any.
  private static let outside: [Int: Set<String>] = [0: [], 1: ["NIOCore"], 2: ["NIOCore"]]

  /// What one room may use beyond its floor. The framework knows no broker, and no event loop.
  private static let also: [String: Set<String>] = [
    "Godwit": [
      "Configuration", "Logging", "Metrics", "ServiceLifecycle", "Tracing", "UnixSignals",
    ]
  ]

  /// Modules of one floor that may import another of it all the same.
  private static let neighbours: Set<[String]> = [["GodwitWireTesting", "GodwitWire"]]

  /// Drivers, and what they stand on: the framework's half, which knows nothing of the broker's.
  private static let drivers: Set<String> = [
    "GodwitConduit", "GodwitConformance", "GodwitDriverKit", "GodwitNATS", "GodwitMQTT",
  ]
  private static let brokers: Set<String> = [
    "GodwitEngine", "GodwitEmbedded", "GodwitFrontEndKit", "GodwitBroker",
  ]

  /// The floor of a target of this package, or `nil` for a module from elsewhere.
  static func floor(of module: String) -> Int? {
    if let floor = floors[module] { return floor }
    if module.hasSuffix("FrontEnd") { return 4 }
    if module.hasSuffix("Wire") { return 2 }
    return nil
  }

  static func mayImport(_ module: String, from target: String) -> Bool {
    guard let own = floor(of: target) else { return true }
    if drivers.contains(target), brokers.contains(module) { return false }
    if let other = floor(of: module) {
      return other < own || neighbours.contains([target, module])
    }
    if also[target]?.contains(module) == true { return true }
    return outside[own]?.contains(module) ?? true
  }

  /// Primitives, Wire, Engine, FrontEndKit and everything of a protocol: what a peer's bytes reach.
  static func isBelowBroker(_ file: SourceFile) -> Bool {
    let rooms = ["Primitives", "Wire", "WireTesting", "Engine", "FrontEndKit"]
    if rooms.contains(where: { file.path.hasPrefix("Sources/\($0)/") }) { return true }
    return file.path.hasPrefix("Protocols/") && !file.path.contains("/Driver/")
  }

  /// What people start: the command line, this program, examples and loads.
  static func isProgram(_ file: SourceFile) -> Bool {
    ["Sources/CLI/", "Sources/Tidy/", "Examples/", "Benchmarks/"].contains {
      file.path.hasPrefix($0)
    }
      || file.name == "Package.swift"
  }
}
