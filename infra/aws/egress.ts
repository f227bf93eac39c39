import {
  CfnEIP,
  FlowLogDestination,
  GatewayVpcEndpointAwsService,
  IpAddresses,
  type IVpc,
  NatProvider,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { RemovalPolicy, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

import type { NetworkProps } from './broker-function.ts';

export interface EgressProps {
  /** Availability zones, each with a NAT gateway and an address of its own: 1 or 2. The stack says which. */
  readonly zones: number;
  /** The port of Plume's API, besides that of https, on which AWS and the authorization servers answer. */
  readonly apiPort: number;
  readonly logRetention: RetentionDays;
}

const HTTPS = 443;

/**
 * Fixed addresses for calls of Plume's cloud, whose limit is per source address: functions in one zone share one
 * address, hence one budget.
 */
export class Egress extends Construct {
  /** For functions whose calls may leave from any zone. */
  readonly anyZone: NetworkProps;
  /** One per zone: for functions that keep one budget. */
  readonly zones: readonly NetworkProps[];
  /** The source address of each zone's calls. */
  readonly addresses: readonly string[];

  constructor(scope: Construct, id: string, { zones, apiPort, logRetention }: EgressProps) {
    super(scope, id);
    const addresses = Array.from({ length: zones }, (_, index) => new CfnEIP(this, `Address${index + 1}`));
    // The CDK's own class and interface disagree under exactOptionalPropertyTypes.
    const vpc: IVpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.0.0.0/22'),
      maxAzs: zones,
      natGateways: zones,
      natGatewayProvider: NatProvider.gateway({
        eipAllocationIds: addresses.map((address) => address.attrAllocationId),
      }),
      subnetConfiguration: [
        { name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 28, mapPublicIpOnLaunch: false },
        { name: 'functions', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 24 },
      ],
      // It would need a function of its own to empty the default group.
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: { DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB } },
      flowLogs: {
        All: {
          destination: FlowLogDestination.toCloudWatchLogs(
            new LogGroup(this, 'FlowLogs', { retention: logRetention, removalPolicy: RemovalPolicy.DESTROY }),
          ),
        },
      },
    }) as IVpc;
    const reason = 'The stage names its zones, or its account, whose zones the CDK looks up';
    Validations.of(this).acknowledge({ id: 'CloudFormation-Validate::W3010', reason });
    const securityGroup = new SecurityGroup(this, 'FunctionsOnly', {
      vpc,
      description: 'Functions that call Plume and AWS over HTTPS',
      allowAllOutbound: false,
    });
    securityGroup.addEgressRule(Peer.anyIpv4(), Port.HTTPS, 'HTTPS');
    if (apiPort !== HTTPS) securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(apiPort), "Plume's API");

    const shared = { vpc, securityGroups: [securityGroup] };
    this.anyZone = { ...shared, vpcSubnets: { subnets: vpc.privateSubnets } };
    this.zones = vpc.privateSubnets.map((subnet) => ({ ...shared, vpcSubnets: { subnets: [subnet] } }));
    this.addresses = addresses.map((address) => address.ref);
  }
}
