# How systemd starts `dockgate proxy`: packaging/systemd has the same for other systems.
{ lib, getExe }:

{
  # Where it listens.
  path = name: "/run/dockgate-proxy/${name}.sock";

  socket =
    name:
    { user, group, ... }:
    {
      description = "Docker's API by dockgate's policy, for ${name}";
      wantedBy = [ "sockets.target" ];
      socketConfig = {
        ListenStream = "/run/dockgate-proxy/${name}.sock";
        DirectoryMode = "0755";
      }
      // (
        if group == null then
          {
            SocketUser = user;
            SocketMode = "0600";
          }
        else
          {
            SocketUser = "root";
            SocketGroup = group;
            SocketMode = "0660";
          }
      );
    };

  service =
    package: name:
    {
      policy,
      profile,
      key,
      ...
    }:
    {
      description = "Docker's API by dockgate's policy, for ${name}";
      requires = [ "dockgate-proxy-${name}.socket" ];
      after = [ "docker.service" ];
      serviceConfig = {
        ExecStart = lib.concatStringsSep " " (
          [
            (getExe package)
            "proxy"
            "--listen"
            "/run/dockgate-proxy/${name}.sock"
          ]
          ++ lib.optionals (policy != null) [
            "--config"
            "${policy}"
          ]
          ++ lib.optionals (profile != null) [
            "--profile"
            profile
          ]
          ++ lib.optionals (key != null) [
            "--key"
            key
          ]
        );
        # As root without any of root's powers: whoever has the daemon's socket needs none, and is root by it. Neither
        # PrivateTmp, whose /tmp is not the daemon's when a mount is judged, nor PrivateUsers, where everybody who
        # connects is nobody.
        CapabilityBoundingSet = "";
        NoNewPrivileges = true;
        ProtectSystem = "strict";
        ProtectHome = "read-only";
        ProtectKernelTunables = true;
        ProtectKernelModules = true;
        ProtectKernelLogs = true;
        ProtectControlGroups = true;
        ProtectClock = true;
        ProtectHostname = true;
        RestrictAddressFamilies = "AF_UNIX AF_INET AF_INET6";
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = "@system-service";
        DevicePolicy = "closed";
        UMask = "0077";
        MemoryMax = "1G";
        TasksMax = 1024;
        LogRateLimitIntervalSec = 0;
      };
    };
}
