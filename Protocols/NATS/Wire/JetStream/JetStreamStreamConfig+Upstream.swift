/// The rules for what a stream keeps and where it comes from: subjects, mirror, sources.
extension JetStreamStreamConfig {
  /// What is gathered of origins, for checks that concern them all.
  struct Upstream {
    var subjects: [String] = []
    var deliverPrefixes: [String] = []
    var apiPrefixes: [String] = []

    mutating func add(_ external: JetStreamStreamSource.External) {
      if !external.deliverPrefix.isEmpty { self.deliverPrefixes.append(external.deliverPrefix) }
      if !external.apiPrefix.isEmpty { self.apiPrefixes.append(external.apiPrefix) }
    }

    func check() throws(JetStreamError) {
      for prefix in self.deliverPrefixes {
        guard JetStreamPattern.isPublishable(prefix) else {
          throw JetStreamError(.streamInvalidExternalDeliverySubject, prefix)
        }
        for subject in self.subjects where JetStreamPattern.collide(subject, "\(prefix).\(subject)")
        {
          throw JetStreamError(.streamExternalDelPrefixOverlaps, prefix, subject)
        }
      }
      for prefix in self.apiPrefixes {
        guard JetStreamPattern.isPublishable(prefix) else {
          throw JetStreamStreamConfig.invalid(
            "stream external api prefix \"\(prefix)\" must be a valid subject without wildcards")
        }
        if JetStreamPattern.collide(prefix, "$JS.API") {
          throw JetStreamError(.streamExternalApiOverlap, prefix, "$JS.API")
        }
      }
    }
  }

  mutating func checkMirror(
    _ isPedantic: Bool, _ others: (String) -> JetStreamStreamConfig?, _ upstream: inout Upstream
  ) throws(JetStreamError) {
    guard let mirror = self.mirror else { return }
    if self.firstSequence > 0 { throw JetStreamError(.mirrorWithFirstSeq) }
    if !self.subjects.isEmpty { throw JetStreamError(.mirrorWithSubjects) }
    if !self.sources.isEmpty { throw JetStreamError(.mirrorWithSources) }
    if self.allowMessageCounter { throw JetStreamError(.mirrorWithCounters) }
    if self.allowAtomicPublish { throw JetStreamError(.mirrorWithAtomicPublish) }
    if self.allowMessageSchedules { throw JetStreamError(.mirrorWithMsgSchedules) }
    if !mirror.filterSubject.isEmpty, !mirror.subjectTransforms.isEmpty {
      throw JetStreamError(.mirrorMultipleFiltersNotAllowed)
    }
    if self.subjectDeleteMarkerTTL > 0 {
      throw Self.invalid("subject delete markers forbidden on mirrors")
    }
    for (index, mapping) in mirror.subjectTransforms.enumerated() {
      if !mapping.source.isEmpty, !JetStreamPattern.isValid(mapping.source) {
        throw JetStreamError(.mirrorInvalidSubjectFilter, "invalid subject \(mapping.source)")
      }
      if let failure = JetStreamSubjectTransform.failure(of: mapping) {
        throw JetStreamError(.mirrorInvalidTransformDestination, failure.description)
      }
      for (other, second) in mirror.subjectTransforms.enumerated()
      where other != index && JetStreamPattern.collide(mapping.source, second.source) {
        throw JetStreamError(.mirrorOverlappingSubjectFilters)
      }
    }
    if let external = mirror.external {
      upstream.add(external)
      return
    }
    guard JetStreamText.isName(mirror.name) else { throw JetStreamError(.mirrorInvalidStreamName) }
    guard let origin = others(mirror.name) else { return }
    upstream.subjects += origin.subjects
    if self.maxMessageBytes > 0, self.maxMessageBytes < origin.maxMessageBytes {
      throw JetStreamError(.mirrorMaxMessageSizeTooBig)
    }
    if isPedantic, self.mirrorDirect != origin.allowDirect {
      throw JetStreamError(.pedantic, "origin stream has direct get set, mirror has it disabled")
    }
    self.mirrorDirect = origin.allowDirect
  }

  func checkSources(
    _ others: (String) -> JetStreamStreamConfig?, _ upstream: inout Upstream
  ) throws(JetStreamError) {
    if !self.sources.isEmpty, self.allowMessageSchedules {
      throw JetStreamError(.sourceWithMsgSchedules)
    }
    var seen: Set<[String]> = []
    for source in self.sources {
      guard JetStreamText.isName(source.name) else {
        throw JetStreamError(.sourceInvalidStreamName)
      }
      guard seen.insert(source.identity).inserted else {
        throw JetStreamError(.sourceDuplicateDetected)
      }
      try self.checkMappings(of: source)
      if let external = source.external {
        upstream.add(external)
      } else if let origin = others(source.name) {
        upstream.subjects += origin.subjects
        if self.maxMessageBytes > 0, self.maxMessageBytes < origin.maxMessageBytes {
          throw JetStreamError(.sourceMaxMessageSizeTooBig)
        }
      }
    }
  }

  private func checkMappings(of source: JetStreamStreamSource) throws(JetStreamError) {
    if !source.filterSubject.isEmpty, !source.subjectTransforms.isEmpty {
      throw JetStreamError(.sourceMultipleFiltersNotAllowed)
    }
    for mapping in source.subjectTransforms {
      if !mapping.source.isEmpty, !JetStreamPattern.isValid(mapping.source) {
        throw JetStreamError(.sourceInvalidSubjectFilter, "invalid subject \(mapping.source)")
      }
      if let failure = JetStreamSubjectTransform.failure(of: mapping) {
        throw JetStreamError(.sourceInvalidTransformDestination, failure.description)
      }
    }
    for (index, mapping) in source.subjectTransforms.enumerated() {
      for (other, second) in source.subjectTransforms.enumerated()
      where other != index && JetStreamPattern.matches(mapping.source, second.source) {
        throw JetStreamError(.sourceOverlappingSubjectFilters)
      }
    }
  }

  func checkCycles(_ others: (String) -> JetStreamStreamConfig?) throws(JetStreamError) {
    var toVisit = [self]
    var visited: Set<String> = []
    while !toVisit.isEmpty {
      let config = toVisit.removeFirst()
      visited.insert(config.name)
      for source in config.sources where source.external == nil {
        if visited.contains(source.name) {
          let filter = source.filterSubject
          if filter.isEmpty
            || config.subjects.contains(where: { JetStreamPattern.collide($0, filter) })
          {
            throw Self.invalid("detected cycle")
          }
        } else if let origin = others(source.name) {
          toVisit.append(origin)
        }
      }
      if let mirror = config.mirror, mirror.external == nil {
        if visited.contains(mirror.name) { throw Self.invalid("detected cycle") }
        if let origin = others(mirror.name) { toVisit.append(origin) }
      }
    }
  }

  mutating func checkSubjects() throws(JetStreamError) {
    if self.subjects.isEmpty {
      if self.mirror == nil, self.sources.isEmpty { self.subjects = [self.name] }
      return
    }
    for (index, subject) in self.subjects.enumerated() {
      guard JetStreamPattern.isValid(subject) else { throw Self.invalid("invalid subject") }
      if subject == ">" {
        if !self.noAck { throw Self.invalid("capturing all subjects requires no-ack to be true") }
        if self.replicas != 1 {
          throw Self.invalid("capturing all subjects requires replicas of 1")
        }
      }
      if !self.noAck { try Self.checkReserved(subject) }
      for other in self.subjects[(index + 1)...] where JetStreamPattern.collide(other, subject) {
        throw Self.invalid("subject \"\(subject)\" overlaps with \"\(other)\"")
      }
    }
  }

  private static func checkReserved(_ subject: String) throws(JetStreamError) {
    for pattern in ["$JS.>", "$JSC.>", "$NRG.>"]
    where JetStreamPattern.collide(subject, pattern)
      && !JetStreamPattern.matches(subject, "$JS.EVENT.>")
    {
      throw self.invalid("subjects that overlap with jetstream api require no-ack to be true")
    }
    if JetStreamPattern.collide(subject, "$SYS.>"),
      !JetStreamPattern.matches(subject, "$SYS.ACCOUNT.>")
    {
      throw self.invalid("subjects that overlap with system api require no-ack to be true")
    }
  }
}
