"""What ocurrent-deployer made of the same facts: read from its src/caddy.ml and src/aws.ml, written down as its files."""

CADDY_ONE = """
version: "3.7"
services:
  watch_watch_ocaml_org:
    image: ${IMAGE}
    command: --domain watch.ocaml.org --root /usr/share/caddy
    restart: always
    ports:
    - target: 80
      published: 80
      protocol: tcp
    - target: 443
      published: 443
      protocol: tcp
"""

CADDY_TWO = """
version: "3.7"
services:
  infra_www_ocaml_org:
    image: ${IMAGE}
    command: --domain www.ocaml.org --root /usr/share/caddy
    restart: always
    networks:
    - infra_www_ocaml_org_network
    ports:
    - target: 80
      published: 80
      protocol: tcp
    - target: 443
      published: 443
      protocol: tcp
  infra_ocaml_org:
    image: ${IMAGE}
    command: --domain ocaml.org --root /usr/share/caddy
    restart: always
    networks:
    - infra_ocaml_org_network
    ports:
    - target: 80
      published: 80
      protocol: tcp
    - target: 443
      published: 443
      protocol: tcp
networks:
  infra_www_ocaml_org_network:
    driver_opts:
        com.docker.network.bridge.host_binding_ipv4: "51.159.190.183"
  infra_ocaml_org_network:
    driver_opts:
        com.docker.network.bridge.host_binding_ipv4: "51.159.190.184"
"""

ECS = """
version: "3.4"
services:
  live:
    image: ${IMAGE}
    command: bin/server --port 8080
    ports:
      - target: 8080
        x-aws-protocol: http
    deploy:
      replicas: 2
      resources:
        limits:
          cpus: '0.500000'
          memory: 512M

x-aws-logs_retention: 90

x-aws-cloudformation:
  Resources:
    LiveService:
      Properties:
        DeploymentConfiguration:
          MaximumPercent: 100
          MinimumHealthyPercent: 50
    LiveTaskDefinition:
      Properties:
        EphemeralStorage:
          SizeInGiB: 50
    Default8080Ingress:
      Properties:
        FromPort: 443
        Description: live:443/tcp on default network
        ToPort: 443
    Live8080Listener:
      Properties:
        Certificates:
          - CertificateArn: "arn:aws:acm:us-east-1:867081712685:certificate/941be8db-4733-49e2-b634-43ff11ffc2b3"
        Protocol: HTTPS
        Port: 443
    HttpToHttpsListener:
      Properties:
        DefaultActions:
        - Type: redirect
          RedirectConfig:
            Port: 443
            Protocol: HTTPS
            StatusCode: HTTP_301
        LoadBalancerArn:
          Ref: LoadBalancer
        Port: 80
        Protocol: HTTP
      Type: AWS::ElasticLoadBalancingV2::Listener
"""

#: Without what may be left out: storage and command.
ECS_LESS = ECS.replace("    command: bin/server --port 8080\n", "").replace(
    "    LiveTaskDefinition:\n      Properties:\n        EphemeralStorage:\n          SizeInGiB: 50\n", ""
)
