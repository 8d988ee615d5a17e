// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

let package = Package(
  name: "framework-load",
  dependencies: [.package(name: "godwit", path: "../..", traits: [])],
  targets: [
    .executableTarget(
      name: "FrameworkLoad",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
        .product(name: "GodwitNATS", package: "godwit"),
        .product(name: "GodwitMQTT", package: "godwit"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "ConduitLoad",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitConduit", package: "godwit"),
        .product(name: "GodwitNATS", package: "godwit"),
      ],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
