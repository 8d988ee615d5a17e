/// What clients may do with a subject, or with all of them.
public enum RegistryMode: String, Hashable, Sendable, CaseIterable {
  /// Everything.
  case readWrite = "READWRITE"
  /// Look.
  case readOnly = "READONLY"
  /// Register schemas with ids of their own, without being asked whether they are compatible.
  case `import` = "IMPORT"
}
