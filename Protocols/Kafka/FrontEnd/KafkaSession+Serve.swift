import GodwitFrontEndKit
import KafkaWire
import NIOCore

/// What is offered: nothing else is announced, since clients take what is announced as a promise.
enum KafkaOffer {
  /// The kinds of requests, each with its versions.
  static let all: [(api: any KafkaAPI.Type, versions: ClosedRange<Int16>)] = [
    // librdkafka looks for version 0 before it believes in newer forms; Kafka announces it, too,
    // and refuses what is below 3.
    (KafkaProduce.self, 0...13),
    (KafkaFetch.self, 4...17),
    (KafkaListOffsets.self, 1...9),
    (KafkaMetadata.self, 0...13),
    (KafkaOffsetCommit.self, 2...9),
    (KafkaOffsetFetch.self, 1...9),
    (KafkaFindCoordinator.self, 0...6),
    (KafkaJoinGroup.self, 0...9),
    (KafkaHeartbeat.self, 0...4),
    (KafkaLeaveGroup.self, 0...5),
    (KafkaSyncGroup.self, 0...5),
    (KafkaDescribeGroups.self, 0...6),
    (KafkaListGroups.self, 0...5),
    (KafkaSaslHandshake.self, 0...1),
    (KafkaAPIVersions.self, 0...4),
    (KafkaCreateTopics.self, 2...7),
    (KafkaDeleteTopics.self, 1...6),
    (KafkaDeleteRecords.self, 0...2),
    (KafkaInitProducerID.self, 0...5),
    (KafkaOffsetForLeaderEpoch.self, 2...4),
    // What is beyond that is between brokers.
    (KafkaAddPartitionsToTxn.self, 0...3),
    (KafkaAddOffsetsToTxn.self, 0...4),
    (KafkaEndTxn.self, 0...5),
    (KafkaTxnOffsetCommit.self, 0...5),
    (KafkaDescribeConfigs.self, 1...4),
    (KafkaAlterConfigs.self, 0...2),
    (KafkaSaslAuthenticate.self, 0...2),
    (KafkaCreatePartitions.self, 0...3),
    (KafkaDeleteGroups.self, 0...2),
    (KafkaIncrementalAlterConfigs.self, 0...1),
    (KafkaOffsetDelete.self, 0...0),
    (KafkaDescribeCluster.self, 0...2),
    (KafkaDescribeProducers.self, 0...0),
    (KafkaDescribeTransactions.self, 0...0),
    (KafkaConsumerGroupHeartbeat.self, 0...1),
    (KafkaConsumerGroupDescribe.self, 0...1),
    (KafkaDescribeLogDirs.self, 1...4),
    (KafkaListTransactions.self, 0...1),
    (KafkaShareGroupHeartbeat.self, 1...1),
    (KafkaShareGroupDescribe.self, 1...1),
    (KafkaShareFetch.self, 1...2),
    (KafkaShareAcknowledge.self, 1...2),
    (KafkaDescribeShareGroupOffsets.self, 0...1),
    (KafkaAlterShareGroupOffsets.self, 0...0),
    (KafkaDeleteShareGroupOffsets.self, 0...0),
    (KafkaDescribeTopicPartitions.self, 0...0),
    (KafkaDescribeACLs.self, 1...3),
    (KafkaCreateACLs.self, 1...3),
    (KafkaDeleteACLs.self, 1...3),
    (KafkaDescribeClientQuotas.self, 0...1),
    (KafkaAlterClientQuotas.self, 0...1),
    (KafkaDescribeUserScramCredentials.self, 0...0),
    (KafkaAlterUserScramCredentials.self, 0...0),
  ]

  private static let versions = Dictionary(
    uniqueKeysWithValues: all.map { ($0.api.key, $0.versions) })

  /// What clients know by a name, and the level that holds: transactions whose epoch rises with
  /// each, and to which the broker adds what is written (KIP-890).
  static let feature = (name: "transaction.version", level: Int16(2))

  static func has(_ key: KafkaAPIKey, _ version: Int16) -> Bool {
    versions[key]?.contains(version) == true
  }

  static let announced: [KafkaAPIVersions.Response.APIVersion] = all.map { offer in
    .with {
      $0.apiKey = offer.api.key
      $0.minVersion = offer.versions.lowerBound
      $0.maxVersion = offer.versions.upperBound
    }
  }
}

extension KafkaSession {
  /// Serves one request.
  ///
  /// - Throws: where there is no answer but the end of the connection.
  func serve(_ call: KafkaCall, _ body: ByteBuffer) throws(KafkaWireError) {
    let header = call.header
    if header.key == .apiVersions { return try apiVersions(call, body) }
    guard KafkaOffer.has(header.key, header.version) else {
      throw KafkaWireError(.unsupportedVersion, "a request that is not offered")
    }
    switch header.key {
    case .saslHandshake: return handshake(try read(KafkaSaslHandshake.self, call, body), call)
    case .saslAuthenticate:
      return authenticate(try read(KafkaSaslAuthenticate.self, call, body), call)
    default: break
    }
    guard stage == .serving, let tenant else {
      server.statistics.authenticationFailures &+= 1
      throw KafkaWireError(.malformed, "a request of somebody who has not said who it is")
    }
    if try serveRecords(call, body, tenant) { return }
    if try serveGroups(call, body, tenant) { return }
    if try serveShareGroups(call, body, tenant) { return }
    if try serveTransactions(call, body, tenant) { return }
    if try serveTopics(call, body, tenant) { return }
    if try serveAccess(call, body, tenant) { return }
    throw KafkaWireError(.unknownAPI, "a request that is not offered")
  }

  private func read<A: KafkaAPI>(
    _: A.Type, _ call: KafkaCall, _ body: ByteBuffer
  ) throws(KafkaWireError) -> A.Request {
    var limits = KafkaLimits()
    limits.elementsMax = elementsMax(call.header.key)
    return try A.decodeRequest(body, version: call.header.version, limits: limits)
  }

  private func serveRecords(
    _ call: KafkaCall, _ body: ByteBuffer, _ tenant: KafkaTenant
  ) throws(KafkaWireError) -> Bool {
    switch call.header.key {
    case .produce: produce(try read(KafkaProduce.self, call, body), call, tenant)
    case .fetch: fetch(try read(KafkaFetch.self, call, body), call, tenant)
    case .listOffsets: listOffsets(try read(KafkaListOffsets.self, call, body), call, tenant)
    case .offsetForLeaderEpoch:
      offsetForLeaderEpoch(try read(KafkaOffsetForLeaderEpoch.self, call, body), call, tenant)
    case .deleteRecords: deleteRecords(try read(KafkaDeleteRecords.self, call, body), call, tenant)
    default: return false
    }
    return true
  }

  private func serveGroups(
    _ call: KafkaCall, _ body: ByteBuffer, _ tenant: KafkaTenant
  ) throws(KafkaWireError) -> Bool {
    switch call.header.key {
    case .findCoordinator: findCoordinator(try read(KafkaFindCoordinator.self, call, body), call)
    case .joinGroup: joinGroup(try read(KafkaJoinGroup.self, call, body), call, tenant)
    case .syncGroup: syncGroup(try read(KafkaSyncGroup.self, call, body), call, tenant)
    case .heartbeat: heartbeat(try read(KafkaHeartbeat.self, call, body), call, tenant)
    case .leaveGroup: leaveGroup(try read(KafkaLeaveGroup.self, call, body), call, tenant)
    case .offsetCommit: offsetCommit(try read(KafkaOffsetCommit.self, call, body), call, tenant)
    case .offsetFetch: offsetFetch(try read(KafkaOffsetFetch.self, call, body), call, tenant)
    case .offsetDelete: offsetDelete(try read(KafkaOffsetDelete.self, call, body), call, tenant)
    case .listGroups: listGroups(try read(KafkaListGroups.self, call, body), call, tenant)
    case .describeGroups:
      describeGroups(try read(KafkaDescribeGroups.self, call, body), call, tenant)
    case .deleteGroups: deleteGroups(try read(KafkaDeleteGroups.self, call, body), call, tenant)
    case .consumerGroupHeartbeat:
      consumerGroupHeartbeat(try read(KafkaConsumerGroupHeartbeat.self, call, body), call, tenant)
    case .consumerGroupDescribe:
      consumerGroupDescribe(try read(KafkaConsumerGroupDescribe.self, call, body), call, tenant)
    default: return false
    }
    return true
  }

  private func serveShareGroups(
    _ call: KafkaCall, _ body: ByteBuffer, _ tenant: KafkaTenant
  ) throws(KafkaWireError) -> Bool {
    switch call.header.key {
    case .shareGroupHeartbeat:
      shareGroupHeartbeat(try read(KafkaShareGroupHeartbeat.self, call, body), call, tenant)
    case .shareGroupDescribe:
      shareGroupDescribe(try read(KafkaShareGroupDescribe.self, call, body), call, tenant)
    case .shareFetch: shareFetch(try read(KafkaShareFetch.self, call, body), call, tenant)
    case .shareAcknowledge:
      shareAcknowledge(try read(KafkaShareAcknowledge.self, call, body), call, tenant)
    case .describeShareGroupOffsets:
      describeShareGroupOffsets(
        try read(KafkaDescribeShareGroupOffsets.self, call, body), call, tenant)
    case .alterShareGroupOffsets:
      alterShareGroupOffsets(try read(KafkaAlterShareGroupOffsets.self, call, body), call, tenant)
    case .deleteShareGroupOffsets:
      deleteShareGroupOffsets(try read(KafkaDeleteShareGroupOffsets.self, call, body), call, tenant)
    default: return false
    }
    return true
  }

  private func serveTransactions(
    _ call: KafkaCall, _ body: ByteBuffer, _ tenant: KafkaTenant
  ) throws(KafkaWireError) -> Bool {
    switch call.header.key {
    case .initProducerID:
      initProducerID(try read(KafkaInitProducerID.self, call, body), call, tenant)
    case .addPartitionsToTxn:
      addPartitions(try read(KafkaAddPartitionsToTxn.self, call, body), call, tenant)
    case .addOffsetsToTxn:
      addOffsets(try read(KafkaAddOffsetsToTxn.self, call, body), call, tenant)
    case .txnOffsetCommit:
      commitOffsets(try read(KafkaTxnOffsetCommit.self, call, body), call, tenant)
    case .endTxn: endTransaction(try read(KafkaEndTxn.self, call, body), call, tenant)
    case .describeProducers:
      describeProducers(try read(KafkaDescribeProducers.self, call, body), call, tenant)
    case .describeTransactions:
      describeTransactions(try read(KafkaDescribeTransactions.self, call, body), call, tenant)
    case .listTransactions:
      listTransactions(try read(KafkaListTransactions.self, call, body), call, tenant)
    default: return false
    }
    return true
  }

  private func serveAccess(
    _ call: KafkaCall, _ body: ByteBuffer, _ tenant: KafkaTenant
  ) throws(KafkaWireError) -> Bool {
    switch call.header.key {
    case .describeACLs: describeACLs(try read(KafkaDescribeACLs.self, call, body), call, tenant)
    case .createACLs: createACLs(try read(KafkaCreateACLs.self, call, body), call, tenant)
    case .deleteACLs: deleteACLs(try read(KafkaDeleteACLs.self, call, body), call, tenant)
    case .describeClientQuotas:
      describeQuotas(try read(KafkaDescribeClientQuotas.self, call, body), call, tenant)
    case .alterClientQuotas:
      alterQuotas(try read(KafkaAlterClientQuotas.self, call, body), call, tenant)
    case .describeUserScramCredentials:
      describeUsers(try read(KafkaDescribeUserScramCredentials.self, call, body), call, tenant)
    case .alterUserScramCredentials:
      alterUsers(try read(KafkaAlterUserScramCredentials.self, call, body), call, tenant)
    default: return false
    }
    return true
  }

  private func serveTopics(
    _ call: KafkaCall, _ body: ByteBuffer, _ tenant: KafkaTenant
  ) throws(KafkaWireError) -> Bool {
    switch call.header.key {
    case .metadata: metadata(try read(KafkaMetadata.self, call, body), call, tenant)
    case .describeCluster: describeCluster(try read(KafkaDescribeCluster.self, call, body), call)
    case .createTopics: createTopics(try read(KafkaCreateTopics.self, call, body), call, tenant)
    case .deleteTopics: deleteTopics(try read(KafkaDeleteTopics.self, call, body), call, tenant)
    case .describeTopicPartitions:
      describeTopicPartitions(
        try read(KafkaDescribeTopicPartitions.self, call, body), call, tenant)
    case .describeLogDirs:
      describeLogDirs(try read(KafkaDescribeLogDirs.self, call, body), call, tenant)
    case .createPartitions:
      createPartitions(try read(KafkaCreatePartitions.self, call, body), call, tenant)
    case .describeConfigs:
      describeConfigs(try read(KafkaDescribeConfigs.self, call, body), call, tenant)
    case .alterConfigs: alterConfigs(try read(KafkaAlterConfigs.self, call, body), call, tenant)
    case .incrementalAlterConfigs:
      alterConfigs(try read(KafkaIncrementalAlterConfigs.self, call, body), call, tenant)
    default: return false
    }
    return true
  }

  // MARK: ApiVersions

  /// What is offered. A client of the future is told in the oldest form, which all know (KIP-511).
  private func apiVersions(_ call: KafkaCall, _ body: ByteBuffer) throws(KafkaWireError) {
    var response = KafkaAPIVersions.Response()
    response.apiKeys = KafkaOffer.announced
    guard KafkaOffer.has(.apiVersions, call.header.version) else {
      response.error = .unsupportedVersion
      return call.answer(KafkaAPIVersions.self, response, version: 0)
    }
    let request = try read(KafkaAPIVersions.self, call, body)
    if call.header.version >= 3 {
      guard Self.isName(request.clientSoftwareName), Self.isName(request.clientSoftwareVersion)
      else {
        response.error = .invalidRequest
        response.apiKeys = []
        return call.answer(KafkaAPIVersions.self, response)
      }
      software = "\(request.clientSoftwareName) \(request.clientSoftwareVersion)"
      // Clients of version 3 cannot read a lowest level of 0 (KAFKA-17011).
      if call.header.version >= 4 {
        response.supportedFeatures = [
          .with {
            $0.name = KafkaOffer.feature.name
            $0.maxVersion = KafkaOffer.feature.level
          }
        ]
      }
      response.finalizedFeaturesEpoch = 0
      response.finalizedFeatures = [
        .with {
          $0.name = KafkaOffer.feature.name
          $0.minVersionLevel = KafkaOffer.feature.level
          $0.maxVersionLevel = KafkaOffer.feature.level
        }
      ]
    }
    call.answer(KafkaAPIVersions.self, response)
  }

  /// Letters, digits, dots and hyphens, and neither of the two at an end.
  private static func isName(_ text: String) -> Bool {
    func isPlain(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: false
      }
    }
    guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 256 else {
      return false
    }
    return isPlain(first) && isPlain(last)
      && text.utf8.allSatisfy { isPlain($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
  }
}
