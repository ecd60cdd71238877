// Command ask asks a running Failsoft twice, whole and in pieces, and says who answered.
//
//	ask [-address host:port] [-model name] [question]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	inferencev1 "failsoft.dev/gen/go/failsoft/inference/v1"
)

const timeout = time.Minute

func main() {
	address := flag.String("address", addressFromEnvironment(), "where Failsoft is, or $FAILSOFT_ADDRESS")
	model := flag.String("model", "", "a route or model; empty asks for the default")
	flag.Parse()
	question := "What is the capital of France?"
	if flag.NArg() > 0 {
		question = flag.Arg(0)
	}
	if err := ask(*address, *model, question); err != nil {
		failure := status.Convert(err)
		fmt.Fprintf(os.Stderr, "%s: %s\n", failure.Code(), failure.Message())
		os.Exit(1)
	}
}

func addressFromEnvironment() string {
	if address := os.Getenv("FAILSOFT_ADDRESS"); address != "" {
		return address
	}
	return "127.0.0.1:50050"
}

func ask(address, model, question string) error {
	// A retry would be a second walk, with a second bill; retries are the router's business.
	connection, err := grpc.NewClient(
		address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
	if err != nil {
		return err
	}
	defer connection.Close()
	client := inferencev1.NewInferenceServiceClient(connection)
	chat := &inferencev1.ChatRequest{
		Model: model,
		Messages: []*inferencev1.Message{{
			Role:  inferencev1.Role_ROLE_USER,
			Parts: []*inferencev1.Part{{Part: &inferencev1.Part_Text{Text: question}}},
		}},
		Sampling: &inferencev1.Sampling{MaxTokens: proto.Uint32(64)},
	}
	if err := askWhole(client, chat); err != nil {
		return err
	}
	return askInPieces(client, chat)
}

func askWhole(client inferencev1.InferenceServiceClient, chat *inferencev1.ChatRequest) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	response, err := client.Generate(ctx, &inferencev1.GenerateRequest{Chat: chat})
	if err != nil {
		return err
	}
	for _, part := range response.GetChoices()[0].GetMessage().GetParts() {
		fmt.Print(part.GetText())
	}
	fmt.Println()
	fmt.Println(facts(response.GetFinished()))
	return nil
}

func askInPieces(client inferencev1.InferenceServiceClient, chat *inferencev1.ChatRequest) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	stream, err := client.StreamGenerate(ctx, &inferencev1.StreamGenerateRequest{Chat: chat})
	if err != nil {
		return err
	}
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch event := response.GetEvent().(type) {
		case *inferencev1.StreamGenerateResponse_Delta:
			fmt.Print(event.Delta.GetText())
		case *inferencev1.StreamGenerateResponse_StreamReset:
			fmt.Println("\n[another target starts again]")
		case *inferencev1.StreamGenerateResponse_Finished:
			fmt.Printf("\n%s\n", facts(event.Finished))
		}
	}
}

// facts says who served, how good the answer is, and what came before.
func facts(finished *inferencev1.Finished) string {
	hops := make([]string, 0, len(finished.GetHops()))
	for _, hop := range finished.GetHops() {
		outcome := strings.TrimPrefix(hop.GetOutcome().String(), "HOP_OUTCOME_")
		hops = append(hops, hop.GetTarget()+" "+outcome)
	}
	degradation := strings.TrimPrefix(finished.GetDegradation().String(), "DEGRADATION_")
	return fmt.Sprintf("[served by %s (%s), degradation %s; %s]",
		finished.GetServedBy(), finished.GetModel(), degradation, strings.Join(hops, ", "))
}
