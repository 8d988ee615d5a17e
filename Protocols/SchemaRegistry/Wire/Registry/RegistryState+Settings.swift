import GodwitWire

/// Levels of compatibility and modes, of a subject and of all.
extension RegistryState {
  func level(of subject: String) -> CompatibilityLevel {
    self.settings[subject]?.level ?? self.global.level ?? .backward
  }

  func mode(of subject: String?) -> RegistryMode {
    subject.flatMap { self.settings[$0]?.mode } ?? self.global.mode ?? .readWrite
  }

  /// Whether schemas of a subject are normalized though nobody asks.
  func normalizes(_ subject: String) -> Bool {
    self.settings[subject]?.normalize ?? self.global.normalize ?? false
  }

  static func readOnly(_ subject: String?) -> RegistryError {
    .notPermitted("Subject \(subject ?? "null") in context . is in read-only mode")
  }

  /// The subject that settings are asked of; `nil` for all.
  private static func settingsSubject(
    _ request: RegistryRequest
  ) throws(RegistryError) -> String? {
    guard request.path.count > 1, request.path[1] != ":.:" else { return nil }
    return try Self.subject(request.path[1])
  }

  // MARK: Compatibility

  func answerConfig(_ request: RegistryRequest) throws(RegistryError) -> RegistryAnswer {
    try Self.allow(["GET", "PUT", "DELETE"], request)
    let subject = try Self.settingsSubject(request)
    switch request.method {
    case "PUT": return try self.putConfig(subject, request)
    case "DELETE": return try self.deleteConfig(subject)
    default:
      guard let subject else {
        return RegistryAnswer(Self.config(self.global.level ?? .backward, self.global.normalize))
      }
      let own = self.settings[subject]
      let isFound = own?.level != nil || own?.normalize != nil
      guard isFound || request.flag("defaultToGlobal") else { throw .noOwnLevel(subject) }
      return RegistryAnswer(
        Self.config(self.level(of: subject), own?.normalize ?? self.global.normalize))
    }
  }

  private static func config(_ level: CompatibilityLevel, _ normalize: Bool?) -> JSONValue {
    var members: [JSONValue.Member] = [.init("compatibilityLevel", .string(level.rawValue))]
    if let normalize { members.append(.init("normalize", .bool(normalize))) }
    return .object(members)
  }

  private func putConfig(
    _ subject: String?, _ request: RegistryRequest
  ) throws(RegistryError) -> RegistryAnswer {
    let json = try request.object()
    guard self.mode(of: subject) != .readOnly else { throw Self.readOnly(subject) }
    var changes: [RegistryChange] = []
    for member in json.members ?? [] where member.value != .null {
      switch member.name {
      case "compatibility", "compatibilityLevel":
        guard
          let level = member.value.string.map({ $0.uppercased() })
            .flatMap({ CompatibilityLevel(rawValue: $0) })
        else { throw .invalidLevel }
        changes.append(.level(subject: subject, level))
      case "normalize":
        guard let flag = member.value.bool else {
          throw RegistryError(422, "normalize is true or false")
        }
        changes.append(.normalize(subject: subject, flag))
      case "compatibilityPolicy" where member.value == .string("STRICT"): break
      case "validateFields" where member.value == .bool(false): break
      default:
        throw RegistryError(422, "\(member.name.prefix(64)) is not supported by this registry")
      }
    }
    return RegistryAnswer(json, changes: changes)
  }

  private func deleteConfig(_ subject: String?) throws(RegistryError) -> RegistryAnswer {
    guard self.mode(of: subject) != .readOnly else { throw Self.readOnly(subject) }
    let old = subject.map { self.settings[$0] ?? Settings() } ?? self.global
    if let subject, old.level == nil, old.normalize == nil { throw .subjectNotFound(subject) }
    let level = old.level ?? self.global.level ?? .backward
    return RegistryAnswer(
      Self.config(level, old.normalize),
      changes: [.level(subject: subject, nil), .normalize(subject: subject, nil)])
  }

  // MARK: Modes

  func answerMode(_ request: RegistryRequest) throws(RegistryError) -> RegistryAnswer {
    try Self.allow(["GET", "PUT", "DELETE"], request)
    let subject = try Self.settingsSubject(request)
    switch request.method {
    case "PUT": return try self.putMode(subject, request)
    case "DELETE":
      let old = subject.map { self.settings[$0]?.mode } ?? self.global.mode
      guard let old else { throw .subjectNotFound(subject ?? "null") }
      return RegistryAnswer(Self.json(old), changes: [.mode(subject: subject, nil)])
    default:
      guard let subject else { return RegistryAnswer(Self.json(self.mode(of: nil))) }
      guard self.settings[subject]?.mode != nil || request.flag("defaultToGlobal") else {
        throw .noOwnMode(subject)
      }
      return RegistryAnswer(Self.json(self.mode(of: subject)))
    }
  }

  private static func json(_ mode: RegistryMode) -> JSONValue {
    .object([.init("mode", .string(mode.rawValue))])
  }

  private func putMode(
    _ subject: String?, _ request: RegistryRequest
  ) throws(RegistryError) -> RegistryAnswer {
    let json = try request.object()
    guard let mode = json["mode"]?.string.flatMap({ RegistryMode(rawValue: $0.uppercased()) })
    else { throw .invalidMode }
    if mode == .import, self.mode(of: subject) != .import, !request.flag("force") {
      let concerned = subject.map { [self.subjects[$0] ?? []] } ?? Array(self.subjects.values)
      guard !concerned.joined().contains(where: { !$0.isDeleted }) else {
        throw .notPermitted("Cannot import since found existing subjects")
      }
    }
    return RegistryAnswer(Self.json(mode), changes: [.mode(subject: subject, mode)])
  }
}
