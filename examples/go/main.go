// An instance profile for Systems Manager, from Go.
package main

import (
	"github.com/pulumi/pulumi-aws/sdk/v7/go/aws/s3"
	"github.com/pulumi/pulumi-ssm-profile/sdk/go/ssmprofile"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		logs, err := s3.NewBucket(ctx, "logs", nil)
		if err != nil {
			return err
		}
		web, err := ssmprofile.NewSsmInstanceProfile(ctx, "web", &ssmprofile.SsmInstanceProfileArgs{
			Ec2Describe:    pulumi.BoolRef(false),
			ScopeHeartbeat: pulumi.BoolRef(true),
			StateManager:   pulumi.BoolRef(true),
			Inventory:      pulumi.BoolRef(true),
			Parameters:     &ssmprofile.ParametersArgs{Paths: []string{"/web"}},
			SessionLogs:    &ssmprofile.SessionLogsArgs{Bucket: logs.Bucket, Prefix: pulumi.String("web")},
			Tags:           pulumi.StringMap{"Team": pulumi.String("web")},
		})
		if err != nil {
			return err
		}
		ctx.Export("instanceProfileName", web.InstanceProfileName)
		ctx.Export("actions", web.Actions)
		return nil
	})
}
