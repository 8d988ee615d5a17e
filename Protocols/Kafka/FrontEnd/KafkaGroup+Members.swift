import KafkaWire
import NIOCore

extension KafkaGroup {
  // MARK: Rebalance

  /// Asks everybody to join again.
  func prepareRebalance() {
    switch state {
    case .preparingRebalance:
      if isInitialDelay { return }
      return completeIfAllJoined()
    case .completingRebalance: answerSyncs(.rebalanceInProgress)
    case .empty, .stable, .dead: break
    }
    syncing?.cancel()
    syncing = nil
    let wasEmpty = state == .empty
    state = .preparingRebalance
    let longest = members.map(\.rebalanceTimeout).max() ?? 0
    if wasEmpty, rules.initialDelay > 0 {
      isInitialDelay = true
      hasNewcomers = false
      let delay = min(rules.initialDelay, longest)
      delayLeft = max(0, longest - delay)
      rebalance = clock.alarm(after: delay) { [weak self] in self?.initialDelayOver() }
    } else {
      isInitialDelay = false
      rebalance = clock.alarm(after: longest) { [weak self] in self?.completeRebalance() }
      completeIfAllJoined()
    }
  }

  /// As long as somebody new comes within the delay, it begins anew.
  private func initialDelayOver() {
    guard state == .preparingRebalance, isInitialDelay else { return }
    if hasNewcomers, delayLeft > 0 {
      hasNewcomers = false
      let delay = min(rules.initialDelay, delayLeft)
      delayLeft -= delay
      rebalance = clock.alarm(after: delay) { [weak self] in self?.initialDelayOver() }
    } else {
      isInitialDelay = false
      completeRebalance()
    }
  }

  private func completeIfAllJoined() {
    guard state == .preparingRebalance, !isInitialDelay, pending.isEmpty,
      members.allSatisfy({ $0.join != nil })
    else { return }
    completeRebalance()
  }

  /// The time to join is over: who has not joined is out, and the others agree on a protocol.
  private func completeRebalance() {
    guard state == .preparingRebalance else { return }
    rebalance?.cancel()
    rebalance = nil
    // A static member is missed only when its session ends.
    for member in members where member.join == nil && member.instanceID == nil {
      remove(member, because: .unknownMemberID)
    }
    if !members.isEmpty, !members.contains(where: { $0.join != nil }) {
      let longest = members.map(\.rebalanceTimeout).max() ?? 0
      rebalance = clock.alarm(after: max(longest, 1)) { [weak self] in self?.completeRebalance() }
      return
    }
    generation = generation == .max ? 1 : generation + 1
    guard !members.isEmpty else { return becomeEmpty() }
    if leaderID.flatMap({ member($0) })?.join == nil {
      leaderID = members.first { $0.join != nil }?.id
    }
    protocolName = vote()
    state = .completingRebalance
    let longest = members.map(\.rebalanceTimeout).max() ?? 0
    syncing = clock.alarm(after: max(longest, 1)) { [weak self] in self?.syncTimeOver() }
    for member in members {
      member.isNew = false
      renew(member)
      guard let join = member.join else { continue }
      member.join = nil
      join(joined(member))
    }
  }

  /// The protocol that most prefer among those that all know.
  func vote() -> String? {
    let common = members.commonProtocols
    var votes: [String: Int] = [:]
    for member in members {
      if let choice = member.protocols.first(where: { common.contains($0.name) }) {
        votes[choice.name, default: 0] += 1
      }
    }
    return votes.max { $0.value < $1.value || ($0.value == $1.value && $0.key > $1.key) }?.key
  }

  /// Who has not asked for its assignment by now is out.
  private func syncTimeOver() {
    guard state == .completingRebalance else { return }
    let silent = members.filter { $0.sync == nil }
    guard !silent.isEmpty else { return }
    for member in silent { remove(member, because: .unknownMemberID) }
    memberHasGone()
  }

  // MARK: Leaving

  /// LeaveGroup, for one of those who leave.
  func leave(_ id: String, instanceID: String?) -> KafkaErrorCode {
    guard state != .dead else { return .coordinatorNotAvailable }
    var id = id
    if let instanceID {
      guard let known = staticIDs[instanceID] else { return .unknownMemberID }
      // An administrator names the instance only.
      guard id.isEmpty || id == known else { return .fencedInstanceID }
      id = known
    } else if let known = pending.removeValue(forKey: id) {
      known.alarm.cancel()
      memberHasGone()
      return .noError
    }
    guard let member = member(id) else { return .unknownMemberID }
    remove(member, because: .unknownMemberID)
    memberHasGone()
    return .noError
  }

  /// Takes a member out and answers what it still waits for.
  func remove(_ member: KafkaGroupMember, because error: KafkaErrorCode) {
    members.remove(member)
    member.session?.cancel()
    if let instanceID = member.instanceID, staticIDs[instanceID] == member.id {
      staticIDs[instanceID] = nil
    }
    let (join, sync) = (member.join, member.sync)
    member.join = nil
    member.sync = nil
    join?(
      .with {
        $0.error = error
        $0.memberID = member.id
      })
    sync?(.with { $0.error = error })
    if leaderID == member.id { leaderID = members.first?.id }
  }

  /// Somebody is missing: the others agree anew.
  func memberHasGone() {
    switch state {
    case .stable, .completingRebalance: prepareRebalance()
    case .preparingRebalance:
      if members.isEmpty, pending.isEmpty { isInitialDelay = false }
      completeIfAllJoined()
    case .empty:
      if pending.isEmpty { becameEmpty?() }
    case .dead: break
    }
  }

  private func becomeEmpty() {
    state = .empty
    protocolName = nil
    leaderID = nil
    syncing?.cancel()
    syncing = nil
    if pending.isEmpty { becameEmpty?() }
  }
}
