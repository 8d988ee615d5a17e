// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "examples",
  dependencies: [.package(name: "godwit", path: "..")],
  targets: [
    .executableTarget(
      name: "Chat",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitConduit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
        .product(name: "GodwitNATS", package: "godwit"),
      ]),
    .executableTarget(
      name: "Hello",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
      ]),
    .executableTarget(
      name: "Events",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
        .product(name: "GodwitMessagePack", package: "godwit"),
      ]),
    .executableTarget(
      name: "Moving",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
        .product(name: "GodwitNATS", package: "godwit"),
      ]),
    .executableTarget(
      name: "Orders",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
      ]),
    .executableTarget(
      name: "Sensors",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitMQTT", package: "godwit"),
        .product(name: "GodwitNATS", package: "godwit"),
      ]),
    // A service and its unit tests, on the engine inside the test process.
    .target(name: "Billing", dependencies: [.product(name: "Godwit", package: "godwit")]),
    .testTarget(
      name: "BillingTests",
      dependencies: [
        "Billing",
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
      ]),
    // A driver of one's own, and the suite that every driver passes.
    .target(
      name: "Loopback",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitDriverKit", package: "godwit"),
      ]),
    .testTarget(
      name: "LoopbackTests",
      dependencies: [
        "Loopback",
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitConformance", package: "godwit"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
